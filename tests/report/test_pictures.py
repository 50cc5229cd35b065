import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import mask_stacks

from nucfuse.data.readers.raster import read_image
from nucfuse.ensemble.nuclei.methods import METHODS, fuse_instances
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.report.pictures import (
    FATE_COLOURS,
    RESULT_COLOURS,
    contact_sheet,
    enlarged,
    explain_picture,
    grid,
    legend,
    outlines,
    stretched,
    titled,
    write_png,
)  # fmt: skip

RED, GREEN = (250, 10, 10), (10, 250, 10)


def black(height=20, width=30):
    return np.zeros((height, width, 3), np.uint8)


def boxes(*corners, shape=(20, 30)):
    """Instances of boxes y0, x0, y1, x1."""
    masks = np.zeros((len(corners), *shape), bool)
    for mask, (y0, x0, y1, x1) in zip(masks, corners, strict=True):
        mask[y0:y1, x0:x1] = True
    return Instances.from_masks(masks)


def has(picture, colour):
    return bool((picture == colour).all(axis=2).any())


# ---------------------------------------------------------------------------------------- outlines


def edge_of(mask):
    """Pixels of a mask that touch, side by side, a pixel outside it or the edge of the image."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def test_the_outline_of_a_box_is_its_outermost_pixels():
    nuclei = boxes((3, 4, 9, 15))
    picture = outlines(black(), nuclei, RED)
    assert_array_equal((picture == RED).all(axis=2), edge_of(nuclei.to_masks()[0]))
    assert_array_equal(picture.any(axis=2), edge_of(nuclei.to_masks()[0]))


@given(mask_stacks(min_size=0, max_size=3))
def test_nothing_is_drawn_outside_the_masks_and_nothing_of_the_input_changes(stack):
    image = np.zeros((*stack.shape[1:], 3), np.uint8)
    picture = outlines(image, Instances.from_masks(stack), RED)
    assert picture.shape == image.shape
    assert not picture[~stack.any(axis=0)].any()
    for mask in stack:
        assert picture[mask].any() == mask.any()
    assert not image.any()


@given(st.integers(1, 4))
def test_scale(scale):
    picture = outlines(black(), boxes((3, 4, 9, 15)), RED, scale)
    assert picture.shape == (20 * scale, 30 * scale, 3)
    assert has(picture, RED)
    # Lines of two pixels may lie beside the mask by one.
    assert not picture[: 3 * scale - 2].any()
    assert not picture[9 * scale + 2 :].any()


def test_each_nucleus_in_its_colour_later_ones_on_top():
    picture = outlines(black(), boxes((2, 2, 8, 8), (2, 5, 8, 12)), [RED, GREEN])
    assert tuple(picture[2, 2]) == RED
    assert tuple(picture[2, 6]) == tuple(picture[2, 11]) == GREEN
    labels = boxes((2, 2, 8, 8), (12, 5, 16, 12)).to_labels() * 7
    assert_array_equal(outlines(black(), labels, [RED, GREEN])[12, 5], GREEN)


def test_dim_images_are_shown_brighter_and_bright_ones_as_they_are():
    dim = black()
    dim[5:15, 5:15] = 40
    assert stretched(dim).max() == 255
    assert stretched(black()).max() == 0
    bright = np.full((4, 4, 3), 255, np.uint8)
    bright[0, 0] = 7
    assert_array_equal(stretched(bright), bright)


# --------------------------------------------------------------------------------------- sheets


def test_a_sheet_has_its_images_in_rows():
    images = [(f"image {k}", np.full((10, 20, 3), 40 * k + 50, np.uint8)) for k in range(5)]
    sheet = contact_sheet(iter(images), columns=3, size=32)
    tile = 30 + 32
    assert sheet.shape == (2 * tile + 6, 3 * 32 + 2 * 6, 3)
    assert (sheet[30 + 16, 16] == 255).all()  # plain images are as bright as can be
    assert (sheet[30 + 2, 16] == 200).all()  # beside the image
    assert (sheet[tile + 6 :, 2 * 38 :] == 255).all()  # there is no sixth image
    assert contact_sheet(images, 3, 32, heading="all").shape == (2 * tile + 36, 108, 3)


def test_a_sheet_of_fewer_images_than_columns_is_narrow():
    assert contact_sheet([("a", black())], columns=6, size=40).shape == (70, 40, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (700, 600)])
def test_images_of_any_shape_fit(shape):
    image = np.full((*shape, 3), 255, np.uint8)
    sheet = contact_sheet([("", image)], size=32)
    assert sheet.shape == (62, 32, 3)
    assert (sheet[30:] == 255).any()


@pytest.mark.parametrize("title", ["", "a" * 500, "Zellkern äöü 核", "two\nlines"])
@pytest.mark.parametrize("width", [1, 9, 300])
def test_any_title_fits_on_any_picture(title, width):
    picture = titled(black(5, width), title)
    assert picture.shape == (35, width, 3)
    assert_array_equal(picture[30:], black(5, width))


def test_a_long_title_keeps_both_ends():
    """Ids are hashes that differ anywhere, names of files differ at their ends."""
    bars = [titled(black(1, 160), f"{a}{'x' * 200}{b}")[:30] for a, b in ("ab", "aa", "bb")]
    assert (bars[0] != bars[1]).any()
    assert (bars[0] != bars[2]).any()


def test_grid_and_legend():
    sheet = grid([black(4, 5), black(2, 8)], 1)
    assert sheet.shape == (4 + 6 + 4, 8, 3)
    entries = {"kept": RED, "a much longer entry": GREEN}
    for width in (60, 200, 900):
        picture = legend(entries, width)
        assert picture.shape[1] == width
        assert has(picture, RED)
        assert has(picture, GREEN)


# --------------------------------------------------------------------------------------- decisions


def three_models():
    a = boxes((2, 2, 10, 10), (12, 20, 18, 28))
    b = boxes((2, 3, 10, 11), (12, 2, 18, 9))
    c = boxes((3, 2, 11, 10))
    return [("unet", a), ("mask_rcnn", b), ("otsu", c)]


def test_fates_have_their_colours():
    members = three_models()
    fusion = fuse_instances([nuclei for _, nuclei in members], "weighted")
    assert fusion.counts.sum(axis=0).tolist() == [0, 3, 0, 2]
    picture = explain_picture(black(), members, fusion.instances, fusion)
    panels = picture[:-34]
    assert has(panels, FATE_COLOURS["fused"])
    assert has(panels, FATE_COLOURS["dropped"])
    assert not has(panels, FATE_COLOURS["kept"])
    assert not has(panels, FATE_COLOURS["suppressed"])
    assert has(panels, RESULT_COLOURS["result"])
    assert not has(panels, RESULT_COLOURS["cut"])


def test_colours_are_in_the_panel_of_their_model():
    members = three_models()
    fusion = fuse_instances([nuclei for _, nuclei in members], "weighted")
    picture = explain_picture(black(), members, fusion.instances, fusion)
    high, wide = 30 + 20 * 17 + 6, 30 * 17 + 6
    quarters = [picture[y : y + high - 6, x : x + wide - 6] for y in (0, high) for x in (0, wide)]
    dropped = [has(quarter, FATE_COLOURS["dropped"]) for quarter in quarters]
    assert dropped == [True, True, False, False]
    result = [has(quarter, RESULT_COLOURS["result"]) for quarter in quarters]
    assert result == [False, False, False, True]


def test_cut_results_are_told_apart():
    members = [("a", boxes((2, 2, 12, 12))), ("b", boxes((2, 9, 12, 22)))]
    fusion = fuse_instances([nuclei for _, nuclei in members], "mask_nms")
    assert fusion.cut.tolist() == [False, True]
    picture = explain_picture(black(), members, fusion.instances, fusion)
    assert has(picture[:-34], FATE_COLOURS["kept"])
    assert has(picture[:-34], RESULT_COLOURS["cut"])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_explained(method):
    members = three_models()
    fusion = fuse_instances([nuclei for _, nuclei in members], method)
    picture = explain_picture(black(), members, fusion.instances, fusion)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_without_provenance_there_is_only_the_result():
    picture = explain_picture(black(), [], boxes((2, 2, 9, 9)))
    assert has(picture[:-34], RESULT_COLOURS["result"])
    assert not has(picture, FATE_COLOURS["kept"])
    with_members = explain_picture(black(), three_models(), boxes((2, 2, 9, 9)))
    assert has(with_members[:-34], FATE_COLOURS["kept"])


def test_models_that_found_nothing():
    nothing = boxes()
    fusion = fuse_instances([nothing, nothing])
    picture = explain_picture(black(), [("a", nothing), ("b", nothing)], nothing, fusion)
    assert not has(picture[:-34], RESULT_COLOURS["result"])


# ------------------------------------------------------------------------------------------ files


def test_png_is_read_as_it_was_written(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    write_png(tmp_path / "new" / "a.png", picture[:, ::-1])
    assert_array_equal(read_image(tmp_path / "new" / "a.png"), picture[:, ::-1])
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]


def test_png_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot write"):
        write_png(tmp_path / "file" / "a.png", black())
    with pytest.raises(DataError, match="there is a folder of that name"):
        write_png(tmp_path, black())


# ------------------------------------------------------------------------------------------ errors


def explain_with_other_provenance():
    members = three_models()
    fusion = fuse_instances([nuclei for _, nuclei in members])
    explain_picture(black(), members[:2], fusion.instances, fusion)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: outlines(black()[..., 0], boxes()), "image must be RGB"),
        (lambda: outlines(black(5, 5), boxes()), r"shape \(20, 30\), the image \(5, 5\)"),
        (lambda: outlines(black(), boxes((1, 1, 4, 4)), [RED, GREEN]), "one for each of 1 nuclei"),
        (lambda: outlines(black(), boxes(), RED, 0), "scale must be a whole number of at least 1"),
        (lambda: enlarged(black(), -1), "scale must be"),
        (lambda: contact_sheet([]), "there are no images to show"),
        (lambda: contact_sheet([("a", black())], columns=0), "columns must be at least 1"),
        (lambda: contact_sheet([("a", black())], size=3), "size 16"),
        (lambda: contact_sheet([("a", black().astype(float))]), "image must be uint8"),
        (lambda: explain_picture(black(4, 4), [], boxes()), "shape"),
        (explain_with_other_provenance, r"provenance is of \[2, 2, 1\] nuclei and"),
        (lambda: write_png("a.png", black()[..., :2]), "image must be RGB"),
    ],
)
def test_what_does_not_fit_is_said(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()
