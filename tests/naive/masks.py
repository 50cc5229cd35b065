"""Slow and obvious restatements of the definitions, to test against.

Nothing here comes from nucfuse. Label images are 2-D (or N-D) integer arrays, masks boolean arrays
(H, W), stacks boolean arrays (N, H, W); positions in RLE run down the columns.
"""

from fractions import Fraction

import numpy as np

# --------------------------------------------------------------------------------------- overlaps


def label_ids(labels):
    """The ids of a label image in ascending order, as Python ints."""
    return sorted({int(v) for v in np.asarray(labels).flat} - {0})


def label_areas(labels):
    """{id: pixels} of a label image."""
    areas = {}
    for value in np.asarray(labels).flat:
        if value != 0:
            areas[int(value)] = areas.get(int(value), 0) + 1
    return areas


def label_overlaps(true, pred):
    """{(true id, pred id): pixels} of two label images of one shape."""
    shared = {}
    for t, p in zip(np.asarray(true).flat, np.asarray(pred).flat, strict=True):
        if t != 0 and p != 0:
            pair = int(t), int(p)
            shared[pair] = shared.get(pair, 0) + 1
    return shared


def stack_overlaps(true, pred):
    """{(index of true mask, index of predicted mask): pixels} of two stacks."""
    shared = {}
    for i, a in enumerate(true):
        for j, b in enumerate(pred):
            pixels = sum(bool(x) and bool(y) for x, y in zip(a.flat, b.flat, strict=True))
            if pixels:
                shared[i, j] = pixels
    return shared


def stack_self_overlaps(stack):
    """{(i, j): pixels} of the masks of one stack, i < j."""
    return {(i, j): n for (i, j), n in stack_overlaps(stack, stack).items() if i < j}


def iou(a, b):
    """Intersection over union of two masks as a fraction; 0 if neither has a pixel."""
    union = int((a | b).sum())
    return Fraction(int((a & b).sum()), union) if union else Fraction(0)


# ---------------------------------------------------------------------------------- masks and ids


def masks_of(labels):
    """Stack (N, H, W) of the nuclei of a label image, in ascending order of their ids."""
    ids = label_ids(labels)
    stack = np.zeros((len(ids), *np.shape(labels)), bool)
    for k, value in enumerate(ids):
        stack[k] = np.asarray(labels) == value
    return stack


def relabelled(labels):
    """The same nuclei with the ids 1..N, in ascending order of the old ids."""
    result = np.zeros(np.shape(labels), np.int32)
    for k, mask in enumerate(masks_of(labels)):
        result[mask] = k + 1
    return result


def painted(stack, shape, on_overlap="first"):
    """Label image of a stack: mask k has the id k + 1; "first" or "last" gets a shared pixel."""
    labels = np.zeros(shape, np.int32)
    for k, mask in enumerate(stack):
        for y, x in zip(*np.nonzero(mask), strict=True):
            if labels[y, x] == 0 or on_overlap == "last":
                labels[y, x] = k + 1
    return labels


def box(mask):
    """y0, x0, y1, x1 (half-open) of a mask; zeros if it has no pixel."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return 0, 0, 0, 0
    return int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1


# -------------------------------------------------------------------------------------------- RLE


def column_major(mask):
    """The pixels of a mask one after the other: down the first column, then the second, …"""
    height, width = mask.shape
    return [bool(mask[y, x]) for x in range(width) for y in range(height)]


def from_column_major(pixels, shape):
    """The opposite of `column_major`."""
    height, width = shape
    mask = np.zeros(shape, bool)
    for position in range(height * width):
        mask[position % height, position // height] = pixels[position]
    return mask


def runs(mask):
    """[(start, length)] of the runs of a mask, from 0."""
    found = []
    before = False
    for position, pixel in enumerate(column_major(mask)):
        if pixel and not before:
            found.append([position, 0])
        if pixel:
            found[-1][1] += 1
        before = pixel
    return [(start, length) for start, length in found]


def kaggle_encode(mask):
    """Kaggle's RLE: "start length start length …", pixels counted from 1."""
    return " ".join(f"{start + 1} {length}" for start, length in runs(mask))


def kaggle_decode(text, shape):
    """The mask of a Kaggle RLE."""
    numbers = [int(word) for word in text.split()]
    pixels = [False] * (shape[0] * shape[1])
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for position in range(start - 1, start - 1 + length):
            pixels[position] = True
    return from_column_major(pixels, shape)


def coco_counts(mask):
    """COCO's uncompressed counts: pixels of background, mask, background, … in turn."""
    counts = []
    value = False
    count = 0
    for pixel in column_major(mask):
        if pixel != value:
            counts.append(count)
            value, count = pixel, 0
        count += 1
    return [*counts, count]


def coco_counts_decode(counts, shape):
    """The mask of COCO counts."""
    pixels = []
    for k, count in enumerate(counts):
        pixels += [k % 2 == 1] * count
    return from_column_major(pixels, shape)


def coco_encode(mask):
    """COCO's compressed string.

    From the fourth count on, the difference to the last but one is written; each number in groups
    of 5 bits from the lowest, one character (48 + group) a group, with 32 added if more follow; the
    highest bit of the last group is the sign.
    """
    counts = coco_counts(mask)
    text = ""
    for k, count in enumerate(counts):
        number = count - counts[k - 2] if k > 2 else count
        groups = [number & 31]
        number >>= 5
        while number != (-1 if groups[-1] & 16 else 0):
            groups.append(number & 31)
            number >>= 5
        text += "".join(chr(48 + group + 32) for group in groups[:-1]) + chr(48 + groups[-1])
    return text


def coco_decode(text, shape):
    """The mask of a compressed COCO string."""
    counts = []
    number, bits = 0, 0
    for char in text:
        group = ord(char) - 48
        number += (group & 31) << bits
        bits += 5
        if not group & 32:
            if group & 16:
                number -= 1 << bits
            counts.append(number + counts[-2] if len(counts) > 2 else number)
            number, bits = 0, 0
    return coco_counts_decode(counts, shape)
