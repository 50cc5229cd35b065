"""Slow and obvious agreement of models, on stacks of masks (N, H, W); nothing from nucfuse."""

import numpy as np

from naive.masks import iou


def agreement_map(stacks, weights):
    """Weighted share of the stacks that have a mask at each pixel."""
    height, width = stacks[0].shape[1:]
    shares = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            says = [w for s, w in zip(stacks, weights, strict=True) if s[:, y, x].any()]
            shares[y, x] = sum(says) / sum(weights)
    return shares


def matched_iou(nucleus, stack, limit):
    """The largest IoU above the limit that a mask has with those of a stack, else 0."""
    return max([value for m in stack if (value := float(iou(nucleus, m))) > limit], default=0.0)


def confidence(nucleus, stacks, weights, limit):
    """Weighted mean of the matched IoUs."""
    found = [w * matched_iou(nucleus, s, limit) for s, w in zip(stacks, weights, strict=True)]
    return sum(found) / sum(weights)


def is_held(inner, outer, others, limit):
    """Whether more than half of a mask lies in another, and it matches none of the rest."""
    if 2 * (inner & outer).sum() <= inner.sum():
        return False
    return iou(inner, outer) > limit or matched_iou(inner, others, limit) == 0


def is_split(nucleus, result, stack, limit):
    """Whether a model has no match for a nucleus but two or more that it holds."""
    held = [m for m in stack if is_held(m, nucleus, result, limit)]
    return matched_iou(nucleus, stack, limit) == 0 and len(held) >= 2


def is_merged(nucleus, result, stack, limit):
    """Whether a model has no match for a nucleus but one that holds it and another one."""
    if matched_iou(nucleus, stack, limit) > 0:
        return False
    return any(
        is_held(nucleus, m, stack, limit)
        and sum(is_held(other, m, stack, limit) for other in result) >= 2
        for m in stack
    )
