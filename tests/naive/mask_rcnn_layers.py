"""Slow and obvious pooling of regions and losses of Mask R-CNN; imports nothing from nucfuse."""

import math

import numpy as np


def at(plane, y, x):
    """Bilinear value (C,) at a point in cells, whose centres lie at halves; 0 beyond the edge."""
    height, width = plane.shape[:2]
    if not (0 <= y <= height and 0 <= x <= width):
        return np.zeros(plane.shape[2])
    y, x = min(max(y - 0.5, 0), height - 1), min(max(x - 0.5, 0), width - 1)
    r, c = int(y), int(x)
    below, right = min(r + 1, height - 1), min(c + 1, width - 1)
    top = (1 - x + c) * plane[r, c] + (x - c) * plane[r, right]
    bottom = (1 - x + c) * plane[below, c] + (x - c) * plane[below, right]
    return (1 - y + r) * top + (y - r) * bottom


def roi_align(plane, box, size, samples):
    """Mean of the values at the points of each bin, (size, size, C)."""
    y0, x0, y1, x1 = (float(v) for v in box)
    result = np.zeros((size, size, plane.shape[2]))
    n = size * samples
    for i, j in np.ndindex(n, n):
        y, x = y0 + (i + 0.5) * (y1 - y0) / n, x0 + (j + 0.5) * (x1 - x0) / n
        result[i // samples, j // samples] += at(plane, y, x) / samples**2
    return result


def roi_pool(plane, box, size):
    """Largest value in the cells of each bin, (size, size, C)."""
    y0, x0, y1, x1 = (math.floor(float(v) + 0.5) for v in box)
    height, width = max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1)
    result = np.zeros((size, size, plane.shape[2]))
    for i, j in np.ndindex(size, size):
        rows = range(y0 + i * height // size, y0 + math.ceil((i + 1) * height / size))
        columns = range(x0 + j * width // size, x0 + math.ceil((j + 1) * width / size))
        cells = [
            plane[r, c]
            for r in rows
            for c in columns
            if 0 <= r < plane.shape[0] and 0 <= c < plane.shape[1]
        ]
        if cells:
            result[i, j] = np.max(cells, axis=0)
    return result


def level(box, n_levels, finest, canonical):
    """Eq. 1 of the FPN paper: floor(k0 + log2(sqrt(w h) / canonical)), level 4 of stride 16."""
    y0, x0, y1, x1 = (float(v) for v in box)
    side = math.sqrt((y1 - y0) * (x1 - x0))
    if side == 0:
        return 0
    k = math.floor(4 + math.log2(side / canonical))
    return min(max(k - round(math.log2(finest)), 0), n_levels - 1)


def mean(values):
    """0 of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def smooth_l1(error):
    """Of one number."""
    return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5


def surprise(true, p):
    """Binary cross-entropy of one number."""
    return -math.log(p) if true else -math.log(1 - p)


def rpn_class_loss(match, logits):
    """Mean over the anchors that are not ignored."""
    return mean(
        surprise(m, 1 / (1 + math.exp(-x)))
        for m, x in zip(match.ravel(), logits.ravel().astype(float), strict=True)
        if m != -1
    )


def rpn_box_loss(match, true, pred):
    """Mean over the numbers of positive anchors."""
    return mean(
        smooth_l1(float(true[(*i, c)] - pred[(*i, c)]))
        for i in np.ndindex(match.shape)
        if match[i] == 1
        for c in range(4)
    )


def class_loss(classes, probabilities):
    """Mean over regions."""
    return mean(-math.log(p[c]) for c, p in zip(classes, probabilities, strict=True))


def box_loss(classes, true, pred):
    """Mean over the numbers of positive regions, for the class that is theirs."""
    return mean(
        smooth_l1(float(true[i, k] - pred[i, c, k]))
        for i, c in enumerate(classes)
        if c > 0
        for k in range(4)
    )


def mask_loss(classes, true, pred):
    """Mean over the bins of positive regions, for the class that is theirs."""
    return mean(
        surprise(true[i, y, x], pred[i, y, x, c - 1])
        for i, c in enumerate(classes)
        if c > 0
        for y, x in np.ndindex(true.shape[1:])
    )
