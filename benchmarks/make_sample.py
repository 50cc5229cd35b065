"""Make nucfuse/sample from the unpacked DSB2018 training folder (stage1_train, BBBC038v1, CC0).

    python benchmarks/make_sample.py data/stage1_train/stage1_train

Images are stored without loss: the alpha channel, opaque everywhere, is dropped, and an image
whose three channels are equal is stored as one. Masks become one label image, numbered in the order
of their file names; a pixel in two masks goes to the first.
"""

import argparse
from pathlib import Path

import cv2
import imagecodecs
import numpy as np

from nucfuse.data.sample_images import sample_folder
from nucfuse.masks.labels import smallest_dtype

# One for each look the training images have: sources differ in size, magnification and stain.
CHOSEN = (
    # fluorescence, 256 x 256: a single nucleus
    "84eeec681987753029eb83ea5f3ff7e8b5697783cdb2035f2882d40c9a3f1029",
    # fluorescence, 256 x 256: many small nuclei
    "9586e48a9a4353f11898a6a4b7475a91574e8af82e99c4b7a5e1f1b18f345f7a",
    # fluorescence, 256 x 320: crowded, on a grey ground
    "9ebcfaf2322932d464f15b5662cae4d669b2d785b8299556d73fffcae8365d32",
    # fluorescence, 260 x 347: bright and dim nuclei
    "0402a81e75262469925ea893b6706183832e85324f7b1e08e634129f5d522cdd",
    # fluorescence, 360 x 360: large dim nuclei
    "03f583ec5018739f4abb9b3b4a580ac43bd933c4337ad8877aa18b1dfb59fc9a",
    # fluorescence, 520 x 696: an even culture
    "2cfa61bef6542dd359717e9131ce6f076c415a3bd7f48cb093b0d7f3b2ca785d",
    # fluorescence, 603 x 1272: an embryo, mostly empty
    "20b20ab049372d184c705acebe7af026d3580f5fd5a72ed796e3622e1685af2f",
    # histology, 256 x 320: purple on white
    "0e4c2e2780de7ec4312f0efcd86b07c3738d21df30bb4643659962b4da5505a3",
    # histology, 256 x 320: purple on purple, dense
    "4d14a3629b6af6de86d850be236b833a7bfcbf6d8665fd73c6dc339e06c14607",
    # histology, 256 x 320: purple and pink
    "4193474b2f1c72f735b13633b219d9cabdd43c21d9c2bb4dfc4809f104ba4c06",
    # bright-field, 1024 x 1024: cells with cytoplasm
    "8d05fb18ee0cda107d56735cafa6197a31884e0a5092dc6d41760fb92ae23ab4",
    # bright-field, 1024 x 1024: clusters of small nuclei
    "4217e25defac94ff465157d53f5a24b8a14045b763d8606ec4a97d71d99ee381",
)


def read_image(folder: Path) -> np.ndarray:
    """RGB of uint8 (H, W, 3), or (H, W) if grey."""
    (path,) = (folder / "images").glob("*.png")
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4 or (bgra[..., 3] != 255).any():
        raise ValueError(f"{path} must be an opaque RGBA image, as in stage1_train")
    rgb = np.ascontiguousarray(bgra[..., 2::-1])
    grey = (rgb == rgb[..., :1]).all()
    return np.ascontiguousarray(rgb[..., 0]) if grey else rgb


def read_truth(folder: Path) -> np.ndarray:
    """Label image (H, W) of the masks, uint16."""
    labels: np.ndarray | None = None
    paths = sorted((folder / "masks").glob("*.png"))
    for i, path in enumerate(paths, start=1):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0
        labels = np.zeros(mask.shape, np.int32) if labels is None else labels
        labels[mask & (labels == 0)] = i
    if labels is None:
        raise ValueError(f"{folder} has no masks; unpack stage1_train.zip first")
    return labels.astype(smallest_dtype(len(paths)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path, help="folder with ID/images and ID/masks")
    train = parser.parse_args().train
    size = 0
    for kind in ("images", "truth"):
        (sample_folder() / kind).mkdir(parents=True, exist_ok=True)
        for old in (sample_folder() / kind).glob("*.png"):
            old.unlink()
        read = read_image if kind == "images" else read_truth
        for image_id in CHOSEN:
            data = imagecodecs.png_encode(read(train / image_id), level=9)
            (sample_folder() / kind / f"{image_id}.png").write_bytes(data)
            size += len(data)
    print(f"{len(CHOSEN)} images with truth, {size / 1e6:.2f} MB in {sample_folder()}")


if __name__ == "__main__":
    main()
