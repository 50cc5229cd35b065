"""Pasting masks of 28 x 28 into an image: `python benchmarks/pasting.py`.

500 nuclei of 20 to 60 pixels in 1024 x 1024, against each mask resized by OpenCV and kept in one
array N x H x W, as is usual. Both must give the same pixels but for masks within 1e-5 of 0.5.
"""

import cv2
import numpy as np
from measure import check, cpu_times

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.models.mask_rcnn.inference.pasting import paste

N, SIDE, WANTED_MS = 500, 1024, 20


def main() -> None:
    """Measure and print the figures."""
    cv2.setNumThreads(1)
    masks, boxes, scores = nuclei(np.random.default_rng(0))
    shape = (SIDE, SIDE)
    ours, theirs = paste(masks, boxes, scores, shape).to_masks(), dense(masks, boxes)
    check((ours != theirs).sum() < 1e-5 * ours.sum(), "pixels")
    for name, job in (
        ("runs", lambda: paste(masks, boxes, scores, shape)),
        (
            "runs, a shared pixel to the higher score",
            lambda: remove_overlaps(paste(masks, boxes, scores, shape)),
        ),
        ("N x H x W with OpenCV", lambda: dense(masks, boxes)),
    ):  # fmt: skip
        print(f"{N} masks into {SIDE} x {SIDE}, {name}: {1e3 * min(cpu_times(job, 20)):.2f} ms")
    print(f"wanted: runs in {WANTED_MS} ms")


def nuclei(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Soft noisy discs, boxes of whole pixels inside the image, scores."""
    grid = (np.arange(28) + 0.5) / 14 - 1
    radius = np.hypot(grid[:, np.newaxis], grid)
    discs = 1 / (1 + np.exp(8 * (radius - 0.9))) + rng.normal(0, 0.05, (N, 28, 28))
    sides = rng.integers(20, 61, (N, 2))
    corners = rng.integers(0, SIDE - sides)
    boxes = np.concatenate([corners, corners + sides], axis=1)
    return discs.clip(0, 1).astype(np.float32), boxes, rng.random(N)


def dense(masks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The usual way."""
    stack = np.zeros((N, SIDE, SIDE), bool)
    for mask, (y0, x0, y1, x1), whole in zip(masks, boxes.tolist(), stack, strict=True):
        whole[y0:y1, x0:x1] = cv2.resize(mask, (x1 - x0, y1 - y0)) > 0.5
    return stack


if __name__ == "__main__":
    main()
