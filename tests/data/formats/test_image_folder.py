"""The images themselves."""

import numpy as np
import pytest
import tifffile

from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.readers.raster import write_label_png
from nucfuse.errors import DataError


def folder_of(tmp_path, *names):
    for k, name in enumerate(names):
        write_label_png(tmp_path / name, np.full((4 + k, 6), 9))
    return tmp_path


def test_images_of_a_folder(tmp_path):
    images = open_images(folder_of(tmp_path, "b.png", "a.png", "NA.png"))
    assert images.ids == ["NA", "a", "b"]
    assert images.shape("b") == (4, 6)
    assert images.image("a").shape == (5, 6, 3)
    assert "a" in images
    assert "z" not in images


def test_one_file_and_escaped_names(tmp_path):
    images = open_images(folder_of(tmp_path, "..%2Fx.png") / "..%2Fx.png")
    assert images.ids == ["../x"]


def test_images_of_a_dsb_folder(tmp_path):
    for part in ("images", "masks"):
        (tmp_path / "set" / "cell" / part).mkdir(parents=True)
        folder_of(tmp_path / "set" / "cell" / part, "cell.png")
    images = open_images(tmp_path / "set")
    assert images.ids == ["cell"]
    assert images.shape("cell") == (4, 6)
    assert images.image("cell").shape == (4, 6, 3)


def test_no_images(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="no images here"):
        open_images(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        open_images(tmp_path / "nowhere")


def test_two_files_of_one_name(tmp_path):
    folder = folder_of(tmp_path, "a.png")
    (folder / "a.tif").touch()
    with pytest.raises(DataError, match=r"a\.png and a\.tif"):
        open_images(folder)


def test_unknown_ids(tmp_path):
    images = open_images(folder_of(tmp_path, "a.png"))
    for ask in (images.image, images.shape):
        with pytest.raises(DataError, match="has no image 'b'"):
            ask("b")


def test_all_images_of_a_tiff(tmp_path, caplog):
    film = np.zeros((2, 6, 5), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", film, imagej=True, metadata={"axes": "TYX"})
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(np.zeros((10, 20), np.uint8), metadata=None)
        file.write(np.zeros((40, 80), np.uint8), metadata=None)
    images = open_images(tmp_path)
    assert images.ids == ["a:0", "a:1", "b"]
    assert images.image("a:1").shape == (6, 5, 3)
    assert images.shape("b") == (40, 80)
    assert "smaller copies (thumbnails) in 'b.tif' are left out" in caplog.text
