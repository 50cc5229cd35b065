"""Small data, and the commands that run every piece of compiled code on them."""

import json
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from nucfuse.data.formats.probabilities import write_probabilities
from nucfuse.data.io import open_dataset
from nucfuse.data.sample_images import sample_folder
from nucfuse.ensemble.fuse import MAP_METHODS
from nucfuse.ensemble.nuclei.methods import METHODS

_KINDS = ("uint8", "uint16", "int32", "int64")
_SPLITS = ("watershed", "threshold", "hysteresis", "hmaxima")
_FILES = {"kaggle": "nuclei.csv", "coco": "nuclei.json", "npz": "nuclei.npz", "labels": "nuclei"}
_MEMBERS = "uint16 moved halved"
# What is run in the folder of `small_data`, one after the other, by what it compiles.
COMMANDS = {
    "score": (
        *(f"score truth {kind} --by size" for kind in _KINDS),
        "score truth moved --metrics boundary --thresholds 0.3,0.5 --rule >=",
        "compare truth moved halved",
    ),
    "fuse": (
        *(f"fuse {_MEMBERS} --method {name} --out by_{name}" for name in METHODS),
        f"fuse {_MEMBERS} --out explained --report report --explain {{image}}",
        *(f"fuse maps0 maps1 --method {name} --out by_{name}" for name in MAP_METHODS),
        "fuse maps0 maps1 maps2 --method median --out median3",
        "fuse maps0 maps1 maps2 maps3 --method median --out median4",
        "fuse maps0 maps1 maps2 maps3 --method trimmed --out trimmed4",
        "fuse maps0 uint16 --out mixed",
        "fuse striped0 striped1 --out fused_stripes",  # what is compiled for much to vote on
    ),
    "score masks that overlap": (
        f"fuse {_MEMBERS} --method soft_nms --allow-overlap --out overlapping.npz",
        "score truth overlapping.npz --allow-overlap --metrics coco_ap,boundary --rule >=",
    ),
    "clean": (
        "clean overlapping.npz --set opening=0.3 --set closing=0.3 --out cleaned",
        "clean overlapping.npz --by nearest --out nearest",
        *(f"clean maps0 --split {name} --out by_{name}" for name in _SPLITS),
    ),
    "convert": (
        *(f"convert moved {file} --to {kind}" for kind, file in _FILES.items()),
        *(f"score truth {file}" for file in _FILES.values()),
        *(f"convert moved {kind} --to {kind}" for kind in ("geojson", "imagej")),
        *(f"score masks {file} --missing skip" for file in ("lzw", "polygons.json")),
        "submit overlapping.npz submission.csv",
    ),
    "look at data": ("doctor truth", "explore truth --images images"),
    "predict": tuple(
        f"predict images --model {m} --out by_{m}" for m in ("otsu", "adaptive", "log")
    ),
    "predict with networks": tuple(
        f"predict images --model {m} --out by_{m}" for m in ("unet", "unet_2", "mask_rcnn")
    ),
    "route": ("route apply images --out routes.csv",),
}


def small_data(folder: Path) -> list[str]:
    """Fill a folder with two images, their truth and predictions of them; returns their ids.

    ``images``, ``truth``; ``uint8``, ``uint16``, … (label images of that type), ``moved`` and
    ``halved`` (others); ``maps0`` … ``maps3`` (probability maps); files of `_files_of_others`;
    ``striped0`` and ``striped1`` (a nucleus of very many runs).
    """
    sample = sample_folder()
    truth = open_dataset(sample / "truth")
    sizes = {path: path.stat().st_size for path in (sample / "images").iterdir()}
    chosen = sorted(sizes, key=sizes.__getitem__)[:2]
    for path in chosen:
        labels = np.asarray(truth.read(path.stem).masks).astype(np.int64)
        for name in ("images", "truth"):
            (folder / name).mkdir(exist_ok=True)
            shutil.copy(sample / name / path.name, folder / name)
        for name, array in _predictions(labels).items():
            (folder / name).mkdir(exist_ok=True)
            np.save(folder / name / f"{path.stem}.npy", array)
        for k in range(4):
            _map_of(np.roll(labels, k), folder / f"maps{k}", path.stem)
        _files_of_others(labels, folder, path.stem)
    stripes = np.zeros((640, 640), np.uint8)
    stripes[::2] = 1
    for name in ("striped0", "striped1"):
        (folder / name).mkdir(exist_ok=True)
        np.save(folder / name / "stripes.npy", stripes)
    return [path.stem for path in chosen]


def _map_of(labels: NDArray[np.int64], folder: Path, image_id: str) -> None:
    folder.mkdir(exist_ok=True)
    map_ = np.where(labels > 0, 0.9, 0.1)[np.newaxis]
    write_probabilities(folder / f"{image_id}.npz", map_, ["nucleus"])


def _files_of_others(labels: NDArray[np.int64], folder: Path, image_id: str) -> None:
    """Files that nucfuse reads and does not write: mask images, LZW, COCO's polygons."""
    masks = folder / "masks" / image_id / "masks"
    masks.mkdir(parents=True)
    for value in np.unique(labels)[1:4].tolist():
        mask = np.where(labels == value, 255, 0).astype(np.uint8)
        (masks / f"{value}.png").write_bytes(imagecodecs.png_encode(mask))
    (folder / "lzw").mkdir(exist_ok=True)
    tifffile.imwrite(folder / "lzw" / f"{image_id}.tif", labels.astype("u2"), compression="lzw")
    height, width = labels.shape
    polygons = {
        "images": [{"id": 1, "file_name": f"{image_id}.png", "height": height, "width": width}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
        ],
        "categories": [{"id": 1, "name": "nucleus"}],
    }
    (folder / "polygons.json").write_text(json.dumps(polygons))


def _predictions(labels: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    few = np.roll(labels * (labels < 256), 1, axis=0)
    stripes = np.arange(labels.shape[1]) % 9 < 5
    return {
        **{kind: few.astype(kind) for kind in _KINDS},
        "moved": np.roll(labels, (2, 1), axis=(0, 1)),
        "halved": np.where(stripes, labels, labels * 2),
    }
