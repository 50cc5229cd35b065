"""What the axes of a stack are, and where its images lie."""

import made_files as made
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from nucfuse.data.readers.headers import image_size, images_in
from nucfuse.data.readers.raster import read_image, read_labels, write_label_tiff
from nucfuse.data.readers.stack import image_frames, label_frames
from nucfuse.errors import DataError

SAYS = [
    ("imagej", "TYX"), ("imagej", "ZYX"), ("imagej", "CYX"), ("imagej", "TZYX"),
    ("imagej", "TZCYX"), ("imagej", "ZCYX"), ("ome", "TYX"), ("ome", "ZYX"), ("ome", "CYX"),
    ("ome", "TCZYX"), ("shaped", "TYX"), ("shaped", "ZYX"),
]  # fmt: skip
KINDS = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {}}
LENGTHS = {"T": 2, "Z": 3, "C": 4, "Y": 6, "X": 5}


def frames_of(stack=None):
    return lambda axes: label_frames(axes, stack)


def stack_of(axes):
    shape = [LENGTHS[letter] for letter in axes]
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


@pytest.mark.parametrize(("kind", "axes"), SAYS)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_axes_of_a_tiff_decide(tmp_path, kind, axes, compression):
    stack, path = stack_of(axes), tmp_path / "a.tif"
    about = {"metadata": {"axes": axes}, "photometric": "minisblack", "compression": compression}
    tifffile.imwrite(path, stack, **KINDS[kind], **about)
    found, n_thumbnails = images_in(path, frames_of())
    assert n_thumbnails == 0
    counted = [letter for letter in axes if letter in "TC"]
    if not counted:
        assert found == []
        assert_array_equal(read_labels(path), stack)
        assert image_size(path) is None
        return
    assert len(found) == np.prod([LENGTHS[letter] for letter in counted])
    for suffix, place in found:
        at = tuple(slice(None) if k is None else k for k in place.position)
        assert suffix == "".join(f":{k}" for k in place.position if k is not None)
        assert_array_equal(read_labels(path, place=place), stack[at])
        assert image_size(path, place=place) == (None if "Z" in axes else (6, 5))
    with pytest.raises(DataError, match=f"a.tif: it holds {len(found)} images"):
        read_labels(path)


def make_silent(path, kind, stack):
    if kind == "npy":
        path.write_bytes(made.make_npy(stack))
    elif kind == "fortran":
        path.write_bytes(made.make_npy(np.asfortranarray(stack)))
    elif kind == "pages":
        tifffile.imwrite(path, stack, metadata=None, photometric="minisblack")
    elif kind == "planes":  # what tifffile makes of three frames if it is left the choice
        tifffile.imwrite(path, stack, photometric="rgb", planarconfig="separate")
    else:
        tifffile.imwrite(path, stack, photometric="minisblack", compression=kind)


@pytest.mark.parametrize("kind", ["npy", "fortran", "pages", "planes", None, "zlib"])
def test_a_file_that_says_nothing_needs_a_word(tmp_path, kind):
    stack = np.arange(90, dtype=np.uint16).reshape(3, 6, 5)
    make_silent(tmp_path / "a", kind, stack)
    with pytest.raises(DataError, match=r"--stack frames .*volume"):
        read_labels(tmp_path / "a")
    assert_array_equal(read_labels(tmp_path / "a", stack="volume"), stack)
    found, _ = images_in(tmp_path / "a", frames_of("frames"))
    assert [suffix for suffix, _ in found] == [":0", ":1", ":2"]
    for k, (_, place) in enumerate(found):
        assert_array_equal(read_labels(tmp_path / "a", stack="frames", place=place), stack[k])
        assert image_size(tmp_path / "a", place=place) == (6, 5)


def test_a_word_counts_more_than_the_file(tmp_path):
    """ImageJ takes every stack for slices unless it is told."""
    stack, path = stack_of("ZYX"), tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    assert len(images_in(path, frames_of("frames"))[0]) == 3
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    assert images_in(path, frames_of("volume"))[0] == []
    assert_array_equal(read_labels(path, stack="volume"), stack)


@pytest.mark.parametrize("n", [1, 2])
def test_one_page_is_flat(tmp_path, n):
    (tmp_path / "a").write_bytes(made.make_npy(np.ones((1,) * n + (4, 5), int)))
    assert read_labels(tmp_path / "a").shape == (4, 5)
    assert image_size(tmp_path / "a") == (4, 5)


def test_four_unknown_axes(tmp_path):
    (tmp_path / "a").write_bytes(made.make_npy(np.ones((2, 3, 4, 5), int)))
    for stack in (None, "volume"):
        with pytest.raises(DataError, match=r"axes \(QQYX\)"):
            read_labels(tmp_path / "a", stack=stack)
    found, _ = images_in(tmp_path / "a", frames_of("frames"))
    assert [suffix for suffix, _ in found] == [":0:0", ":0:1", ":0:2", ":1:0", ":1:1", ":1:2"]


def test_our_volumes_say_that_they_are(tmp_path):
    volume = stack_of("ZYX")
    write_label_tiff(tmp_path / "a.tif", volume)
    assert images_in(tmp_path / "a.tif", frames_of()) == ([], 0)
    assert_array_equal(read_labels(tmp_path / "a.tif"), volume)


def write_series(path, *images, **options):
    with tifffile.TiffWriter(path, **options) as file:
        for image in images:
            about = {"axes": "YX"} if options else None
            file.write(image, metadata=about, photometric="minisblack")


def test_all_positions_are_read(tmp_path):
    images = [np.full((6, 5), k, np.uint16) for k in range(4)]
    write_series(tmp_path / "a.ome.tif", *images, ome=True)
    for frames in (frames_of(), image_frames):
        found, n_thumbnails = images_in(tmp_path / "a.ome.tif", frames)
        assert ([suffix for suffix, _ in found], n_thumbnails) == ([":0", ":1", ":2", ":3"], 0)
        for image, (_, place) in zip(images, found, strict=True):
            assert_array_equal(read_labels(tmp_path / "a.ome.tif", place=place), image)
    for read in (read_labels, read_image):
        with pytest.raises(DataError, match="holds 4 images"):
            read(tmp_path / "a.ome.tif")


def test_pages_of_other_sizes_are_images(tmp_path):
    sizes = [(6, 5), (8, 20), (20, 8)]
    write_series(tmp_path / "a.tif", *(np.zeros(size, np.uint8) for size in sizes))
    found, n_thumbnails = images_in(tmp_path / "a.tif", image_frames)
    assert [image_size(tmp_path / "a.tif", place=place) for _, place in found] == sizes
    assert n_thumbnails == 0


@pytest.mark.parametrize("first", [True, False])
def test_thumbnails_are_left_out(tmp_path, first):
    whole = np.arange(33 * 40, dtype=np.uint16).reshape(33, 40)
    pages = [whole[::4, ::4].copy(), whole]
    write_series(tmp_path / "a.tif", *pages[:: 1 if first else -1])
    assert images_in(tmp_path / "a.tif", image_frames) == ([], 1)
    assert_array_equal(read_labels(tmp_path / "a.tif"), whole)
    assert image_size(tmp_path / "a.tif") == whole.shape


def test_frames_of_colour_images(tmp_path):
    film = np.random.default_rng(0).integers(0, 255, (2, 6, 5, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", film, photometric="rgb", metadata={"axes": "TYXS"})
    found, _ = images_in(tmp_path / "a.tif", image_frames)
    assert len(found) == 2
    for frame, (_, place) in zip(film, found, strict=True):
        assert_array_equal(read_image(tmp_path / "a.tif", place=place), frame)


def test_a_header_that_claims_a_thousand_million_frames(tmp_path):
    header = "{'descr': '<u1', 'fortran_order': False, 'shape': (1000000000, 1, 1), }"
    (tmp_path / "a").write_bytes(made.npy_with_header(header, bytes(100)))
    with pytest.raises(DataError, match="cannot hold"):
        images_in(tmp_path / "a", frames_of("frames"))


def test_an_empty_image_may_shrink_to_nothing(tmp_path):
    """Zstandard needs 4 bytes for 128 KiB of zeros."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((6000, 6000), np.uint16), compression="zstd", rowsperstrip=6000)
    assert path.stat().st_size < 10_000
    assert not read_labels(path).any()
