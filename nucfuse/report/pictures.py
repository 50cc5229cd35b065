"""Pictures for people: images side by side, outlines of nuclei, what became of each of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.modality import check_rgb
from nucfuse.ensemble.nuclei.provenance import Fusion, Outcome
from nucfuse.masks.instances import Instances

# uint8 (H, W, 3).
Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

FATE_COLOURS: dict[str, Colour] = {
    "kept": (60, 220, 90),
    "fused": (90, 170, 255),
    "suppressed": (255, 150, 30),
    "dropped": (255, 60, 60),
}
RESULT_COLOURS: dict[str, Colour] = {"result": (0, 190, 190), "cut": (240, 80, 240)}

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BLACK, _WHITE = (0, 0, 0), 255
_GAP = 6
_BAR = 30  # height of a line of text
_PANEL = 512  # panels of small images are enlarged up to about that many pixels


def outlines(
    image: NDArray[Any], nuclei: Instances | ArrayLike,
    colours: ArrayLike = RESULT_COLOURS["result"], scale: int = 1,
) -> Picture:  # fmt: skip
    """Draw the outer outline of every nucleus over an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        Shown brighter if it is dark: dim nuclei could not be seen else.
    nuclei : Instances or array_like of int, shape (H, W)
        N masks, which may overlap, or a label image; drawn in this order, later ones on top.
    colours : array_like of int, shape (3,) or (N, 3)
        RGB, one for all or one for each.
    scale : int
        The picture is that many times larger than the image.

    Returns
    -------
    ndarray of uint8, shape (H * scale, W * scale, 3)

    Raises
    ------
    ValueError, TypeError
        If the image is not RGB, the shapes differ, or there are too many or too few colours.
    """
    masks = nuclei if isinstance(nuclei, Instances) else Instances.from_labels(nuclei)
    picture = enlarged(stretched(image), scale)
    if masks.shape != image.shape[:2]:
        raise ValueError(f"the nuclei are of shape {masks.shape}, the image {image.shape[:2]}")
    each = np.asarray(colours)
    if each.shape not in ((3,), (len(masks), 3)):
        raise ValueError(
            f"colours must be one RGB or one for each of {len(masks)} nuclei, got {each.shape}"
        )
    crops, corners = masks.to_crops()
    width = 1 if scale == 1 else 2
    rgbs = np.broadcast_to(each, (len(masks), 3)).tolist()
    for crop, (y0, x0), rgb in zip(crops, corners.tolist(), rgbs, strict=True):
        if crop.size == 0:
            continue
        large = np.repeat(np.repeat(crop.astype(np.uint8), scale, 0), scale, 1)
        rings, _ = cv2.findContours(
            large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x0 * scale, y0 * scale)
        )
        cv2.drawContours(picture, rings, -1, rgb, width, cv2.LINE_AA if scale > 1 else cv2.LINE_8)
    return picture


def contact_sheet(
    images: Iterable[tuple[str, NDArray[Any]]], columns: int = 6, size: int = 160,
    heading: str = "",
) -> Picture:  # fmt: skip
    """Many images in rows of equal squares, each with its title.

    Parameters
    ----------
    images : iterable of (str, ndarray of uint8, shape (H, W, 3))
        Taken one at a time; dark ones are shown brighter, to be seen at all.
    columns : int
        Images in a row.
    size : int
        Side of a square in pixels, from 16 on; images keep their proportions.
    heading : str
        Above all of them.

    Raises
    ------
    ValueError, TypeError
        If there are no images, one is not RGB of uint8, or a number is out of range.
    """
    if columns < 1 or size < 16:
        raise ValueError(f"columns must be at least 1 and size 16, got {columns} and {size}")
    tiles = [titled(_square(stretched(image), size), title, 0.35) for title, image in images]
    if not tiles:
        raise ValueError("there are no images to show")
    sheet = grid(tiles, min(columns, len(tiles)))
    return titled(sheet, heading) if heading else sheet


def explain_picture(
    image: NDArray[Any], members: Sequence[tuple[str, Instances]], fused: Instances,
    fusion: Fusion | None = None,
) -> Picture:  # fmt: skip
    """One panel per model with the fate of each of its nuclei, and one with the result.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    members : sequence of (str, Instances)
        Name and nuclei of each model, in the order they were fused in; empty where maps were.
    fused : Instances
        The result.
    fusion : Fusion, optional
        Its provenance. Without it, all nuclei of the models have one colour.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
        With a legend that counts the fates.

    Raises
    ------
    ValueError
        If the provenance is of other models or another result, or shapes differ.
    """
    _check_fusion(members, fused, fusion)
    scale = max(1, round(_PANEL / max(image.shape[:2])))
    panels = []
    for m, (name, nuclei) in enumerate(members):
        colours = _fate_colours(fusion, m) if fusion else FATE_COLOURS["kept"]
        drawn = outlines(image, nuclei, colours, scale)
        panels.append(titled(drawn, f"{name}: {len(nuclei)} nuclei"))
    is_cut = fusion.cut if fusion else np.zeros(len(fused), bool)
    colours = np.where(is_cut[:, np.newaxis], RESULT_COLOURS["cut"], RESULT_COLOURS["result"])
    panels.append(titled(outlines(image, fused, colours, scale), f"result: {len(fused)} nuclei"))
    picture = grid(panels, math.ceil(math.sqrt(len(panels))))
    return np.vstack([picture, legend(_entries(fusion, bool(members)), picture.shape[1])])


def _check_fusion(
    members: Sequence[tuple[str, Instances]], fused: Instances, fusion: Fusion | None
) -> None:
    if fusion is None:
        return
    sizes = [len(nuclei) for _, nuclei in members]
    if sizes != np.diff(fusion.input_sets).tolist() or len(fused) != fusion.cut.size:
        raise ValueError(
            f"the provenance is of {np.diff(fusion.input_sets).tolist()} nuclei and "
            f"{fusion.cut.size} results, but there are {sizes} and {len(fused)}"
        )


def _fate_colours(fusion: Fusion, model: int) -> NDArray[np.int64]:
    """Colour of each nucleus of a model, (n, 3)."""
    palette = np.array([FATE_COLOURS[one.name.lower()] for one in Outcome])
    return palette[fusion.outcomes[fusion.input_sets[model] : fusion.input_sets[model + 1]]]


def _entries(fusion: Fusion | None, has_members: bool) -> dict[str, Colour]:
    """List what the legend says."""
    if fusion is None:
        entries = {"of a model": FATE_COLOURS["kept"]} if has_members else {}
        return entries | {"result": RESULT_COLOURS["result"]}
    totals = fusion.counts.sum(axis=0)
    entries = {
        f"{one.name.lower()} ({totals[one]})": FATE_COLOURS[one.name.lower()] for one in Outcome
    }
    n_cut = int(fusion.cut.sum())
    entries[f"result ({fusion.cut.size - n_cut})"] = RESULT_COLOURS["result"]
    return entries | {f"result, cut ({n_cut})": RESULT_COLOURS["cut"]}


def stretched(image: NDArray[Any]) -> Picture:
    """Brighten an image, so that its 99.9th percentile is white."""
    pixels = check_rgb(image)
    brightest = max(1, int(np.percentile(pixels, 99.9)))
    table = np.minimum(np.rint(np.arange(256) * (255 / brightest)), 255).astype(np.uint8)
    return table[pixels]


def enlarged(picture: Picture, scale: int) -> Picture:
    """Enlarge a picture so many times, smoothly; a copy."""
    if scale < 1:
        raise ValueError(f"scale must be a whole number of at least 1, got {scale!r}")
    if scale == 1:
        return picture.copy()
    height, width = picture.shape[:2]
    larger = cv2.resize(picture, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.uint8)


def grid(pictures: Sequence[Picture], columns: int) -> Picture:
    """Pictures in rows on white, those of one column below each other."""
    height = max(p.shape[0] for p in pictures)
    width = max(p.shape[1] for p in pictures)
    n_rows = -(-len(pictures) // columns)
    shape = n_rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3
    sheet = np.full(shape, _WHITE, np.uint8)
    for k, picture in enumerate(pictures):
        y, x = (k // columns) * (height + _GAP), (k % columns) * (width + _GAP)
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return sheet


def titled(picture: Picture, title: str, font_size: float = 0.6) -> Picture:
    """Put a line of text above a picture; what is too long is cut in the middle."""
    bar = np.full((_BAR, picture.shape[1], 3), _WHITE, np.uint8)
    _write(bar, _fitting(title, picture.shape[1] - 8, font_size), (4, 21), font_size)
    return np.vstack([bar, picture])


def legend(entries: Mapping[str, Colour], width: int) -> Picture:
    """Coloured squares and what they mean, in as many lines as the width needs."""
    step = 30 + max(cv2.getTextSize(text, _FONT, 0.5, 1)[0][0] for text in entries) + 14
    columns = max(1, min(len(entries), width // step))
    picture = np.full((_BAR * -(-len(entries) // columns) + 4, width, 3), _WHITE, np.uint8)
    for k, (text, colour) in enumerate(entries.items()):
        x, y = 8 + step * (k % columns), 9 + _BAR * (k // columns)
        cv2.rectangle(picture, (x, y), (x + 16, y + 16), colour, -1)
        _write(picture, text, (x + 22, y + 13), 0.5)
    return picture


def write_png(path: Path, picture: NDArray[Any]) -> None:
    """Write a picture, uint8 (H, W, 3), as PNG; it is there whole or not at all.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    data = imagecodecs.png_encode(np.ascontiguousarray(check_rgb(picture)))
    with atomic_file(path) as part:
        part.write_bytes(data)


def _square(image: Picture, size: int) -> Picture:
    """Put an image, as large as fits, in the middle of a grey square."""
    height, width = image.shape[:2]
    factor = size / max(height, width)
    h, w = max(1, round(height * factor)), max(1, round(width * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    square = np.full((size, size, 3), 200, np.uint8)
    y, x = (size - h) // 2, (size - w) // 2
    square[y : y + h, x : x + w] = cv2.resize(image, (w, h), interpolation=how)
    return square


def _fitting(text: str, width: int, font_size: float) -> str:
    """Cut a text to its beginning and end; letters OpenCV has no sign for become "?"."""
    text = text.encode("ascii", "replace").decode()
    shown, kept = text, len(text)
    while kept > 0 and cv2.getTextSize(shown, _FONT, font_size, 1)[0][0] > width:
        kept -= 1
        shown = text[: kept - kept // 2] + ".." + text[len(text) - kept // 2 :]
    return shown


def _write(picture: Picture, text: str, place: tuple[int, int], font_size: float) -> None:
    cv2.putText(picture, text, place, _FONT, font_size, _BLACK, 1, cv2.LINE_AA)
