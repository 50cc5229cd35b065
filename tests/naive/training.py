"""Slow and obvious training targets and losses; imports nothing from nucfuse."""

import math

import numpy as np


def around(labels, y, x, radius):
    """Ids in the square around a pixel, as far as the image goes."""
    height, width = labels.shape
    return {
        int(labels[r, c])
        for r in range(max(0, y - radius), min(height, y + radius + 1))
        for c in range(max(0, x - radius), min(width, x + radius + 1))
    }


def border_classes(labels, radius):
    """0 background, 1 interior, 2 rim."""
    result = np.zeros(labels.shape, int)
    for y, x in np.ndindex(labels.shape):
        if labels[y, x]:
            result[y, x] = 2 if len(around(labels, y, x, radius)) > 1 else 1
    return result


def touching_classes(labels, radius):
    """0 background, 1 inside, 2 with two nuclei near."""
    result = np.zeros(labels.shape, int)
    for y, x in np.ndindex(labels.shape):
        if len(around(labels, y, x, radius) - {0}) > 1:
            result[y, x] = 2
        elif labels[y, x]:
            result[y, x] = 1
    return result


def binary_cross_entropy(true, pred):
    """Mean over everything."""
    terms = [
        -(t * math.log(p) + (1 - t) * math.log(1 - p))
        for t, p in zip(true.ravel(), pred.ravel(), strict=True)
    ]
    return sum(terms) / len(terms)


def dice(true, pred):
    """One minus soft Dice, mean over the last axis."""
    values = []
    for k in range(true.shape[-1]):
        t, p = true[..., k], pred[..., k]
        values.append(1 - (2 * (t * p).sum() + 1) / (t.sum() + p.sum() + 1))
    return sum(values) / len(values)


def cross_entropy(true, pred, weights):
    """Mean over pixels of the weight of the true class times its surprise, plus squared errors."""
    n = len(weights)
    total = 0.0
    pixels = list(np.ndindex(true.shape[:-1]))
    for at in pixels:
        c = int(np.argmax(true[at][:n]))
        total -= weights[c] * math.log(pred[at][c])
    value = total / len(pixels)
    if true.shape[-1] > n:
        value += ((true[..., n:] - pred[..., n:]) ** 2).mean()
    return value


def lovasz_hinge(true, pred):
    """Lovász extension of the Jaccard loss at the hinge errors, mean over images.

    The extension is the sum over the errors, the largest first, of the error times what the loss
    grows by when that pixel becomes wrong too.
    """
    values = []
    for t, p in zip(true[..., 0], pred[..., 0], strict=True):
        t, logit = t.ravel(), np.log(p / (1 - p)).ravel()
        errors = 1 - (2 * t - 1) * logit
        wrong, before, total = set(), 0.0, 0.0
        for i in sorted(range(t.size), key=lambda i: -errors[i]):
            wrong.add(i)
            found = {k for k in range(t.size) if (t[k] == 1) != (k in wrong)}
            truth = {k for k in range(t.size) if t[k] == 1}
            loss = 1 - len(found & truth) / len(found | truth)
            total += max(errors[i], 0) * (loss - before)
            before = loss
        values.append(total)
    return sum(values) / len(values)
