"""Slow and obvious anchors, boxes, samples and masks of a detector; imports nothing from nucfuse.

Boxes are sequences y0, x0, y1, x1.
"""

import math

import numpy as np


def anchors(shape, strides, sizes, ratios):
    """Level by level, row by row, one after the other."""
    found = []
    for stride, size in zip(strides, sizes, strict=True):
        for i in range(shape[0] // stride):
            for j in range(shape[1] // stride):
                y, x = (i + 0.5) * stride, (j + 0.5) * stride
                for ratio in ratios:
                    h, w = size * math.sqrt(ratio), size / math.sqrt(ratio)
                    found.append((y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    return found


def box_iou(a, b):
    """Intersection over union of two boxes y0, x0, y1, x1; 0 if they share nothing."""
    h = min(a[2], b[2]) - max(a[0], b[0])
    w = min(a[3], b[3]) - max(a[1], b[1])
    if h <= 0 or w <= 0:
        return 0.0
    shared = h * w
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def iou_table(boxes, truth):
    """Every box with every true box, (N, T)."""
    table = np.zeros((len(boxes), len(truth)))
    for i, a in enumerate(np.asarray(boxes, float)):
        for j, b in enumerate(np.asarray(truth, float)):
            table[i, j] = box_iou(a, b)
    return table


def encode(box, anchor, std):
    """Four deltas."""
    h, w = anchor[2] - anchor[0], anchor[3] - anchor[1]
    return [
        ((box[0] + box[2]) / 2 - (anchor[0] + anchor[2]) / 2) / h / std[0],
        ((box[1] + box[3]) / 2 - (anchor[1] + anchor[3]) / 2) / w / std[1],
        math.log((box[2] - box[0]) / h) / std[2],
        math.log((box[3] - box[1]) / w) / std[3],
    ]


def decode(deltas, anchor, std):
    """The box of four deltas; sides grow 62.5 times at most."""
    h, w = anchor[2] - anchor[0], anchor[3] - anchor[1]
    y = (anchor[0] + anchor[2]) / 2 + deltas[0] * std[0] * h
    x = (anchor[1] + anchor[3]) / 2 + deltas[1] * std[1] * w
    h *= math.exp(min(deltas[2] * std[2], math.log(62.5)))
    w *= math.exp(min(deltas[3] * std[3], math.log(62.5)))
    return [y - h / 2, x - w / 2, y + h / 2, x + w / 2]


def cut(box, shape):
    """A box as far as it lies in the image."""
    return [min(max(v, 0), n) for v, n in zip(box, (*shape, *shape), strict=True)]


def kept_boxes(boxes, scores, classes, threshold):
    """Greedy suppression; indices from the highest score, of equal ones the first."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        rivals = [k for k in kept if classes[k] == classes[i]]
        if all(box_iou(boxes[i], boxes[k]) <= threshold for k in rivals):
            kept.append(i)
    return kept


def proposals(scores, deltas, anchors, shape, std, pre_nms, min_side, nms, most):
    """Indices of anchors and boxes, from the best."""
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:pre_nms]
    boxes = {i: cut(decode(deltas[i], anchors[i], std), shape) for i in sorted(best)}
    large = [i for i, b in boxes.items() if b[2] - b[0] >= min_side and b[3] - b[1] >= min_side]
    found = [boxes[i] for i in large]
    kept = kept_boxes(found, [scores[i] for i in large], [0] * len(large), nms)[:most]
    return [large[k] for k in kept], [found[k] for k in kept]


def detections(rois, probs, deltas, shape, std, confidence, min_side, nms, most):
    """[(region, class, box)] from the likeliest."""
    found = []
    for r, box in enumerate(rois):
        for c in range(1, probs.shape[1]):
            if probs[r, c] >= confidence:
                moved = cut(decode(deltas[r, c], box, std), shape)
                if moved[2] - moved[0] >= min_side and moved[3] - moved[1] >= min_side:
                    found.append((r, c, moved))
    boxes, classes = [f[2] for f in found], [f[1] for f in found]
    kept = kept_boxes(boxes, [probs[r, c] for r, c, _ in found], classes, nms)[:most]
    return [found[k] for k in kept]


def rpn_matches(anchors, truth, high, low):
    """1 positive, 0 negative, -1 neither, of each anchor; and its nucleus, -1: shares nothing."""
    table = iou_table(anchors, truth)
    match, which = [], []
    for row in table:
        best = max(row, default=0)
        forced = any(v > 0 and v == table[:, t].max() for t, v in enumerate(row))
        match.append(1 if forced or best >= high else 0 if best < low else -1)
        which.append(int(np.argmax(row)) if best > 0 else -1)
    return match, which


def mask_target(labels, roi, label_id, size, box=None, mini=0):
    """A nucleus at the centres of the bins of a region, perhaps shrunk to its box before."""
    result = np.zeros((size, size))
    roi = [float(v) for v in roi]  # float32 would stay float32, and round its own way
    box = [float(v) for v in box] if mini else box
    for i in range(size):
        for j in range(size):
            y = roi[0] + (i + 0.5) * (roi[2] - roi[0]) / size
            x = roi[1] + (j + 0.5) * (roi[3] - roi[1]) / size
            if mini:
                small = mask_target(labels, box, label_id, mini)
                v = math.floor((y - box[0]) * mini / (box[2] - box[0]))
                u = math.floor((x - box[1]) * mini / (box[3] - box[1]))
                inside = 0 <= v < mini and 0 <= u < mini
                result[i, j] = small[v, u] if inside else 0
            elif 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]:
                result[i, j] = labels[math.floor(y), math.floor(x)] == label_id
    return result


def stretched(mask, box, shape):
    """The value of a mask stretched to a box at each pixel's centre, -inf outside of the box."""
    result = np.full(shape, -np.inf)
    rows, columns = mask.shape
    for y, x in np.ndindex(shape):
        if not (box[0] <= y + 0.5 < box[2] and box[1] <= x + 0.5 < box[3]):
            continue
        v = min(max((y + 0.5 - box[0]) / (box[2] - box[0]) * rows - 0.5, 0), rows - 1)
        u = min(max((x + 0.5 - box[1]) / (box[3] - box[1]) * columns - 0.5, 0), columns - 1)
        i, j = int(v), int(u)
        below, right = min(i + 1, rows - 1), min(j + 1, columns - 1)
        upper = mask[i, j] * (1 - (u - j)) + mask[i, right] * (u - j)
        lower = mask[below, j] * (1 - (u - j)) + mask[below, right] * (u - j)
        result[y, x] = upper * (1 - (v - i)) + lower * (v - i)
    return result


def matterport_owner(masks, scores):
    """Who gets each pixel in matterport's nucleus sample (mask_to_rle), from 1; 0: nobody.

    The masks come from the highest score to the lowest. It gives them numbers by score and keeps
    the largest number of each pixel.
    """
    order = np.argsort(scores)[::-1] + 1
    return np.max(masks * order[:, np.newaxis, np.newaxis], axis=0)
