"""Slow and obvious overlap removal on boolean stacks (N, H, W); imports nothing from nucfuse."""

import math

import numpy as np

from naive.maps import components


def owners(masks, scores, by):
    """Index of the mask that gets each pixel, (H, W); -1 where there is none."""
    n, height, width = masks.shape
    result = np.full((height, width), -1)
    for y in range(height):
        for x in range(width):
            claims = [i for i in range(n) if masks[i, y, x]]
            if claims:
                result[y, x] = min(claims, key=lambda i: strength(masks, scores, by, i, y, x))
    return result


def strength(masks, scores, by, i, y, x):
    """Sort key of one mask's claim to a pixel; the smallest wins."""
    score = (math.isnan(scores[i]), 0 if math.isnan(scores[i]) else -scores[i])
    area = -int(masks[i].sum())
    if by == "score":
        return (*score, area, i)
    if by == "area":
        return (area, *score, i)
    free = masks[i] & (masks.sum(axis=0) == 1)
    distance = min(((y - a) ** 2 + (x - b) ** 2 for a, b in np.argwhere(free)), default=math.inf)
    if masks[:, y, x].sum() == 1:
        return ()
    return (distance, *score, area, i)


def pieces(mask):
    """8-connected pieces of a mask, by their first pixel in column-major order."""
    result = []
    for piece in components(mask.T, 2):
        result.append(np.zeros_like(mask))
        for x, y in piece:
            result[-1][y, x] = True
    return result


def holes(mask):
    """4-connected sets of ground (row, column) that do not reach what is outside of the mask."""
    ground = components(~np.pad(mask, 1), 1)
    return [{(y - 1, x - 1) for y, x in part} for part in ground if (0, 0) not in part]


def remove_overlaps(masks, scores, by, then, min_area):
    """The masks that are left, each with the index of the mask it came from."""
    owner = owners(masks, scores, by)
    result = []
    for i, mask in enumerate(masks):
        rest = owner == i
        parts = [rest]
        if rest.sum() < mask.sum():
            if then != "keep":
                parts = pieces(rest)
            if then == "largest" and parts:
                parts = [max(parts, key=np.sum)]
            parts = [part for part in parts if part.sum() >= min_area]
        result += [(part, i) for part in parts if part.any()]
    return result
