"""The images that are timed: real ones with a disturbed copy, and seeded synthetic ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Scene:
    """Label images of a truth and a prediction, ids 1..N without gaps."""

    name: str
    true: list[Labels]
    pred: list[Labels]

    @property
    def size(self) -> str:
        """What a reader of the table needs to know of it."""
        pixels = sum(labels.size for labels in self.true)
        nuclei = sum(int(labels.max()) for labels in self.true)
        images = f"{len(self.true)} image{'s' * (len(self.true) > 1)}"
        return f"{images}, {pixels / 1e6:.1f} Mpx, {nuclei:,} nuclei"


def real_scene(folder: Path) -> Scene:
    """DSB2018 training images (folder of ``ID/masks/*.png``) against a disturbed copy of them."""
    ids = sorted(path.parent.name for path in folder.glob("*/masks"))
    if not ids:
        raise SystemExit(f"{folder} holds no ID/masks folders; unpack DSB2018 stage1_train there")
    true = [sequential(read_masks(folder / image_id / "masks")) for image_id in ids]
    name = f"{len(true)} real images"
    return Scene(name, true, [disturbed(labels) for labels in true])


def read_masks(folder: Path) -> Labels:
    """Label image of one mask PNG per nucleus; a pixel in two goes to the first in name order."""
    labels = np.zeros(0, np.int32)
    for k, path in enumerate(sorted(folder.glob("*.png"))):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if k == 0:
            labels = np.zeros(mask.shape, np.int32)
        labels[(mask > 0) & (labels == 0)] = k + 1
    return labels


def sequential(labels: Labels) -> Labels:
    """The same nuclei with the ids 1..N."""
    present = np.zeros(int(labels.max()) + 1, bool)
    present[labels.ravel()] = True
    present[0] = False
    new_ids = np.where(present, np.cumsum(present), 0).astype(np.int32)
    return new_ids[labels]


def disturbed(labels: Labels) -> Labels:
    """A prediction for a truth: shifted by (2, 1) pixels, every 9th nucleus lost, every 7th halved.

    What is shifted out on one side comes in on the other, so that every image keeps its size.
    """
    n = int(labels.max())
    new_ids = np.arange(n + 1, dtype=np.int32)
    new_ids[9::9] = 0
    pred = new_ids[labels]
    for nucleus, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None and nucleus % 7 == 0 and nucleus % 9:
            half = pred[box][:, (box[1].stop - box[1].start) // 2 :]
            half[half == nucleus] = n + nucleus
    return np.ascontiguousarray(sequential(np.roll(pred, (2, 1), axis=(0, 1))))


@dataclass(frozen=True)
class Ellipses:
    """Centres, half axes and angles of n ellipses in a square image."""

    side: int
    centre: NDArray[np.float64]  # (n, 2) y, x
    axes: NDArray[np.float64]  # (n, 2)
    angle: NDArray[np.float64]  # (n,)

    def moved(self, seed: int) -> "Ellipses":
        """Each one a little elsewhere, of another size and turned, every 20th left out."""
        rng = np.random.default_rng(seed)
        n = len(self.angle)
        kept = np.arange(n) % 20 != 7
        return Ellipses(
            self.side,
            (self.centre + rng.normal(0, 1.5, (n, 2)))[kept],
            (self.axes * rng.uniform(0.85, 1.1, (n, 2)))[kept],
            (self.angle + rng.normal(0, 0.1, n))[kept],
        )


def scattered(side: int, n: int, seed: int, radius: float = 0.45) -> Ellipses:
    """n ellipses on a jittered grid; ``radius`` is that of a mean one in cells of the grid."""
    rng = np.random.default_rng(seed)
    per_side = int(np.ceil(np.sqrt(n)))
    cell = side / per_side
    places = rng.permutation(per_side**2)[:n]
    grid = np.stack([places // per_side, places % per_side], axis=1)
    return Ellipses(
        side,
        (grid + 0.5 + rng.uniform(-0.15, 0.15, (n, 2))) * cell,
        radius * cell * rng.uniform(0.7, 1.3, (n, 2)),
        rng.uniform(0, np.pi, n),
    )


def paint(ellipses: Ellipses, put: Callable[[int, tuple[slice, slice], NDArray[np.bool_]], None]):
    """Call ``put(k, box, mask)`` for every ellipse that has a pixel."""
    for k, ((y, x), (a, b), angle) in enumerate(
        zip(ellipses.centre, ellipses.axes, ellipses.angle, strict=True)
    ):
        reach = max(a, b)
        y0, x0 = max(0, int(y - reach)), max(0, int(x - reach))
        y1 = min(ellipses.side, int(y + reach) + 2)
        x1 = min(ellipses.side, int(x + reach) + 2)
        dy, dx = np.ogrid[y0 - y : y1 - y, x0 - x : x1 - x]
        cos, sin = np.cos(angle), np.sin(angle)
        mask = ((dx * cos + dy * sin) / a) ** 2 + ((dy * cos - dx * sin) / b) ** 2 <= 1
        if mask.any():
            put(k, (slice(y0, y1), slice(x0, x1)), mask)


def painted_labels(ellipses: Ellipses) -> Labels:
    """Label image; where ellipses overlap, the first one keeps the pixel."""
    labels = np.zeros((ellipses.side, ellipses.side), np.int32)

    def put(k: int, box: tuple[slice, slice], mask: NDArray[np.bool_]) -> None:
        labels[box][mask & (labels[box] == 0)] = k + 1

    paint(ellipses, put)
    return sequential(labels)


def crops_of(ellipses: Ellipses):
    """Boolean crops and their corners (y0, x0), overlaps kept."""
    crops, corners = [], []

    def put(k: int, box: tuple[slice, slice], mask: NDArray[np.bool_]) -> None:
        crops.append(mask)
        corners.append((box[0].start, box[1].start))

    paint(ellipses, put)
    return crops, corners


def synthetic_scene(side: int, n: int) -> Scene:
    """One image of side x side pixels with n touching nuclei."""
    ellipses = scattered(side, n, seed=side)
    name = f"{side} x {side}, {n:,} nuclei"
    return Scene(name, [painted_labels(ellipses)], [painted_labels(ellipses.moved(seed=1))])
