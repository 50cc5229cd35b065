"""Images that show the same place, or neighbouring crops of one slide: found and grouped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nucfuse.data.modality import check_rgb, modality

# Of the 255 bits of the hash. Among the 664 DSB2018 training images one pair differs by 26 bits (it
# shows the same place), all others by 77 and more (they do not).
MAX_BITS = 40
# Lin's concordance of two borders. On the 664 images, of border pairs that are each other's best
# match, 474 reach 0.9; with one of the two borders reversed, where no match can be true, 18 do.
MIN_CONCORDANCE = 0.9
# Grey levels (standard deviation) from which a border says anything: empty ground is all alike.
MIN_CONTRAST = 2.0

_HASH_SIDE = 16
_BORDER_SAMPLES = 128
_TILE = 2048  # images compared at a time, on either side: 16 MB whatever their number


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What splitting needs to know of an image; made by `image_record`.

    Attributes
    ----------
    image_id : str
    shape : tuple of int
        (H, W).
    modality : str
        One of `nucfuse.data.modality.MODALITIES`.
    hash : bytes
        255 bits of a perceptual hash and one of padding.
    borders : ndarray of uint8, shape (4, 128)
        Grey levels along the top, bottom, left and right border.
    """

    image_id: str
    shape: tuple[int, int]
    modality: str
    hash: bytes = field(repr=False)
    borders: NDArray[np.uint8] = field(repr=False, compare=False)


def image_record(image_id: str, image: NDArray[Any]) -> ImageRecord:
    """Look at one image; safe to call from many threads.

    Parameters
    ----------
    image_id : str
    image : ndarray of uint8, shape (H, W, 3)
        RGB.

    Raises
    ------
    ValueError, TypeError
        If the image is not RGB of uint8.

    Notes
    -----
    The hash is the sign of the 16 x 16 lowest frequencies, but for the mean, of the cosine
    transform of the image shrunk to 32 x 32 grey pixels. It is the same at other scales and
    brightness and differs little after compression; flips and turns change it.

    Examples
    --------
    >>> image_record("a", np.full((60, 80, 3), 7, np.uint8))
    ImageRecord(image_id='a', shape=(60, 80), modality='fluorescence')
    """
    grey = cv2.cvtColor(check_rgb(image), cv2.COLOR_RGB2GRAY)
    lines = [grey[:1], grey[-1:], grey[:, :1].T, grey[:, -1:].T]
    borders = [
        cv2.resize(np.ascontiguousarray(b), (_BORDER_SAMPLES, 1), interpolation=cv2.INTER_AREA)
        for b in lines
    ]
    return ImageRecord(
        image_id, (grey.shape[0], grey.shape[1]), modality(image), _hash(grey), np.vstack(borders)
    )


def near_duplicate_groups(records: Sequence[ImageRecord]) -> list[list[str]]:
    """Group images that one network should not partly learn from and partly be tested on.

    Two images belong together if

    - their perceptual hashes differ by at most 40 of 255 bits: the same place, perhaps rescaled,
      recompressed or otherwise lit; or
    - they have one size and one modality, and a border of one continues in the opposite border of
      the other: neighbouring crops of one slide. The two borders agree (Lin's concordance of their
      grey levels at least 0.9, which lets neither brightness nor contrast differ), are no empty
      ground (standard deviation from 2 grey levels), and none fits either of them better.

    Groups are closed under this. All thresholds were chosen by looking at the pairs
    found among the DSB2018 training images; where in doubt, images are put together: a false pair
    costs a little balance, a missed one lets a network be scored on what it has seen. Crops that
    meet in empty ground only are not seen to belong together.

    Parameters
    ----------
    records : sequence of ImageRecord

    Returns
    -------
    list of list of str
        Every image id is in exactly one group, most of them alone perhaps. Groups are in the order
        of their first image, and images in that of ``records``.

    Raises
    ------
    ValueError
        If an image id comes twice.

    References
    ----------
    L. I. Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 45
    (1989), doi:10.2307/2532051.
    """
    check_ids(records)
    pairs = list(_similar_hashes(records))
    blocks: dict[tuple[tuple[int, int], str], list[int]] = {}
    for i, record in enumerate(records):
        blocks.setdefault((record.shape, record.modality), []).append(i)
    for block in blocks.values():
        borders = np.stack([records[i].borders for i in block]).astype(np.float32)
        for before, after in ((borders[:, 1], borders[:, 0]), (borders[:, 3], borders[:, 2])):
            pairs += ((block[i], block[j]) for i, j in _continued(before, after))
    groups: dict[int, list[str]] = {}
    for record, group in zip(records, _components(pairs, len(records)), strict=True):
        groups.setdefault(group, []).append(record.image_id)
    return list(groups.values())


def check_ids(records: Sequence[ImageRecord]) -> None:
    """ValueError if an image id comes twice."""
    seen: set[str] = set()
    for record in records:
        if record.image_id in seen:
            raise ValueError(
                f"records must have each image once, got {record.image_id!r} twice; remove one"
            )
        seen.add(record.image_id)


def _hash(grey: NDArray[np.uint8]) -> bytes:
    side = 2 * _HASH_SIDE
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(small)[:_HASH_SIDE, :_HASH_SIDE].ravel()[1:]
    # Rounding leaves traces of either sign in the waves of an image of one colour.
    return np.packbits(waves > 1e-2).tobytes()


def _similar_hashes(records: Sequence[ImageRecord]) -> Iterator[tuple[int, int]]:
    """Pairs of images whose hashes differ by few bits."""
    if not records:
        return
    packed = np.frombuffer(b"".join(r.hash for r in records), np.uint8).reshape(len(records), -1)
    # Bits as -1 and 1: a product of matrices counts the equal ones, faster than any other way.
    signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
    rows, columns = _large_products(signs, signs, signs.shape[1] - 2 * MAX_BITS)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if row < column:
            yield row, column


def _continued(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) where border ``after[j]`` continues ``before[i]``: float32 (N, S), (N, S)."""
    # Concordance is never above correlation, which one product gives for all pairs.
    rows, columns = _large_products(_standard(before), _standard(after), MIN_CONCORDANCE)
    apart = rows != columns  # no image is its own neighbour
    rows, columns = rows[apart], columns[apart]
    fits = _concordance(before[rows], after[columns])
    near = fits >= MIN_CONCORDANCE
    rows, columns, fits = rows[near], columns[near], fits[near]
    is_best = _best_of(rows, fits) & _best_of(columns, fits)
    yield from zip(rows[is_best].tolist(), columns[is_best].tolist(), strict=True)


def _large_products(
    a: NDArray[np.float32], b: NDArray[np.float32], least: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows i, j of two matrices whose product is at least ``least``, up to rounding."""
    found = []
    for top in range(0, len(a), _TILE):
        for left in range(0, len(b), _TILE):
            product = a[top : top + _TILE] @ b[left : left + _TILE].T
            rows, columns = np.nonzero(product >= least - 1e-4)
            found.append((rows + top, columns + left))
    return np.concatenate([r for r, _ in found]), np.concatenate([c for _, c in found])


def _standard(borders: NDArray[np.float32]) -> NDArray[np.float32]:
    """Borders with mean 0 and length 1, so that products are correlations; 0 without contrast."""
    centred = borders - borders.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    length = np.maximum(spread, MIN_CONTRAST) * np.float32(borders.shape[1] ** 0.5)
    standard: NDArray[np.float32] = np.where(spread >= MIN_CONTRAST, centred / length, 0)
    return standard


def _concordance(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lin's concordance of each row of one array with that row of the other."""
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    shared = ((a - mean_a[:, np.newaxis]) * (b - mean_b[:, np.newaxis])).mean(axis=1)
    fits: NDArray[np.float32] = (
        2 * shared / (a.var(axis=1) + b.var(axis=1) + (mean_a - mean_b) ** 2)
    )
    return fits


def _best_of(keys: NDArray[np.intp], fits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For each pair, whether no pair of the same key fits better (of equal ones, the first)."""
    order = np.lexsort((-fits, keys))
    is_best = np.zeros(len(keys), bool)
    _, first = np.unique(keys[order], return_index=True)
    is_best[order[first]] = True
    return is_best


def _components(pairs: list[tuple[int, int]], n: int) -> list[int]:
    """Group of each of ``n`` images, where pairs are in one group."""
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs), bool), (rows, columns)), (n, n))
    found: list[int] = connected_components(graph, directed=False)[1].tolist()
    return found
