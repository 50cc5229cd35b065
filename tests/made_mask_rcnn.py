"""A Mask R-CNN small enough for tests, and images of discs for it."""

from dataclasses import replace

import numpy as np

from nucfuse.models.mask_rcnn.config import preset

TINY = replace(
    preset("small"), widths=(4, 6, 8, 8, 8), fpn_width=8, head_width=16, mask_convs=1, rois=12,
    train_proposals=20, test_proposals=20, rpn_batch=64,
)  # fmt: skip


def discs(seed, side=64, n=4, radii=(6, 12)):
    """Bright discs on dark noise: image (side, side, 1) in [0, 1] and labels, int32."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    for k in range(1, n + 1):
        cy, cx = rng.uniform(0, side, 2)
        inside = (y - cy) ** 2 + (x - cx) ** 2 <= rng.uniform(*radii) ** 2
        labels[inside & (labels == 0)] = k
    image = 0.6 * (labels > 0) + rng.uniform(0, 0.3, labels.shape)
    return image.astype(np.float32)[..., np.newaxis], labels


class DiscBatches:
    """Batches as a trainer asks for them; the images are ``count`` different ones."""

    def __init__(self, size=2, side=64, count=10**6, **about):
        self.size, self.side, self.count, self.about = size, side, count, about

    def batch(self, number):
        """Images (B, H, W, 1) and labels (B, H, W)."""
        seeds = [(number * self.size + k) % self.count for k in range(self.size)]
        pairs = [discs(seed, self.side, **self.about) for seed in seeds]
        return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
