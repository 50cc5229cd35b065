"""What is fused: nuclei of several models, in real images, a crowded one, and ever larger ones."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scenes import Labels, Scene, crops_of, scattered, sequential

import nucfuse as nf

N_MODELS = 4
SHIFTS = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Workload:
    """Nuclei of M models in some images: ``sets[image][model]``. No two scores are equal."""

    name: str
    sets: list[list[nf.Instances]]

    @cached_property
    def pools(self) -> list[nf.Instances]:
        """All nuclei of each image."""
        return [nf.Instances.concatenate(of_image) for of_image in self.sets]

    @cached_property
    def texts(self) -> list[list[str]]:
        """COCO strings of the pools."""
        return [pool.to_rle("coco") for pool in self.pools]

    @property
    def n_masks(self) -> int:
        """In all images and models."""
        return sum(map(len, self.pools))


def real_workload(scene: Scene, n_images: int = 100) -> Workload:
    """The first images of a scene as four models that each err in another way."""
    images = scene.true[:n_images]
    sets = [[nf.Instances.from_labels(of_model(x, m)) for m in range(N_MODELS)] for x in images]
    return Workload(f"{n_images} real images x {N_MODELS} models", scored(sets))


def of_model(labels: Labels, model: int) -> Labels:
    """The truth shifted by a pixel and without every 12th nucleus; outlines of two models differ.

    Model 2 draws its nuclei a pixel larger, model 3 a pixel smaller (but loses none by that).
    """
    n = int(labels.max())
    seen = np.where((np.arange(n + 1) + 3 * model) % 12 == 0, 0, np.arange(n + 1)).astype(np.int32)
    dy, dx = SHIFTS[model]
    padded = np.pad(seen[labels], 1)
    height, width = labels.shape
    pred = np.ascontiguousarray(padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width])
    if model >= 2:  # 16 bits hold every id of one image, and are what OpenCV can dilate
        largest = cv2.dilate(pred.astype(np.uint16), np.ones((3, 3), np.uint8)).astype(np.int32)
        smallest = cv2.erode(pred.astype(np.uint16), np.ones((3, 3), np.uint8)).astype(np.int32)
        inside = np.where(smallest == largest, pred, 0)
        gone = np.setdiff1d(pred, inside)
        pred = (
            np.where(pred > 0, pred, largest) if model == 2 else inside + pred * np.isin(pred, gone)
        )
    return sequential(pred.astype(np.int32))


def crowded_workload(side: int, n: int) -> Workload:
    """One image with n nuclei of each model: ellipses, each model's a little elsewhere."""
    # A model leaves every 20th out, so that 20 / 19 as many have to be there.
    ellipses = scattered(side, n * 20 // 19, seed=side)
    sets = [
        nf.Instances.from_crops(*crops_of(ellipses.moved(seed=m)), (side, side))
        for m in range(N_MODELS)
    ]
    n_masks = sum(map(len, sets))
    return Workload(f"{n_masks:,} masks in one {side} x {side} image", scored([sets]))


def scored(sets: list[list[nf.Instances]]) -> list[list[nf.Instances]]:
    """The same with scores from 0.3 to 0.99 in random order, no two of them equal."""
    sizes = [len(one) for of_image in sets for one in of_image]
    scores = np.linspace(0.3, 0.99, sum(sizes), dtype=np.float32)
    parts = iter(np.split(np.random.default_rng(5).permutation(scores), np.cumsum(sizes)[:-1]))
    return [[one.with_scores(next(parts)) for one in of_image] for of_image in sets]


def discs(n: int, seed: int = 7) -> list[nf.Instances]:
    """n discs of 37 pixels, a quarter of each model's, at one density whatever their number.

    Made as runs: their image is 6,000 x 6,000 for a million.
    """
    rng = np.random.default_rng(seed)
    per_side = int(np.ceil(np.sqrt(n / N_MODELS)))
    side = 12 * per_side
    columns = np.arange(-3, 4)
    half = np.array([1, 2, 3, 3, 3, 2, 1])
    sets = []
    for _ in range(N_MODELS):
        places = np.arange(n // N_MODELS)
        grid = np.stack([places // per_side, places % per_side], axis=1)
        centres = grid * 12 + 6 + rng.integers(-1, 2, grid.shape)
        starts = (centres[:, 1:] + columns) * side + centres[:, :1] - half
        lengths = np.broadcast_to(2 * half + 1, starts.shape)
        offsets = np.arange(len(starts) + 1) * columns.size
        sets.append(nf.Instances.from_runs((side, side), starts.ravel(), lengths.ravel(), offsets))
    return scored([sets])[0]


def crops(instances: nf.Instances) -> list[tuple[int, int, NDArray[np.bool_]]]:
    """Masks as numpy has them best: upper left corner and what is in the box."""
    masks, corners = instances.to_crops()
    return [(int(y), int(x), m) for (y, x), m in zip(corners, masks, strict=True)]
