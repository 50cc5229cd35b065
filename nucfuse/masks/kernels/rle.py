"""Compiled loops between runs and the two RLE texts. Arguments are checked; nothing raises."""

import numpy as np
from numba import njit

from nucfuse.kernels.jit import kernel

# What a strict reader can object to; rle.py has the words for it.
OK, NOT_A_NUMBER, ODD_COUNT, ZERO_START, ZERO_LENGTH, UNSORTED, OVERLAP, OUTSIDE, SHORT = range(9)
TOO_LONG = 9
LONGEST_RUN = 2**31 - 1  # lengths are int32
_LIMIT = np.int64(1) << 59  # ten times this and a digit still fit int64


@kernel
def _n_digits(value):
    n = 1
    while value >= 10:
        value //= 10
        n += 1
    return n


@kernel
def _put_digits(text, at, value):
    """Write a number and a blank; the place after them."""
    end = at + _n_digits(value)
    for k in range(end - 1, at - 1, -1):
        text[k] = 48 + value % 10
        value //= 10
    text[end] = 32
    return end + 1


@kernel
def kaggle_texts(starts, lengths, offsets):
    """Kaggle texts ("start length …", 1-based) of all masks in one buffer, and where each ends."""
    size = 0
    for r in range(starts.size):
        size += _n_digits(starts[r] + 1) + _n_digits(np.int64(lengths[r])) + 2
    text = np.empty(size, np.uint8)
    ends = np.empty(offsets.size - 1, np.int64)
    at = np.int64(0)  # as a plain 0 it is another type, for which its takers are compiled as well
    for m in range(offsets.size - 1):
        for r in range(offsets[m], offsets[m + 1]):
            at = _put_digits(text, at, starts[r] + 1)
            at = _put_digits(text, at, np.int64(lengths[r]))
        if offsets[m] < offsets[m + 1]:
            at -= 1  # no blank at the end of a mask
        ends[m] = at
    return text[:at], ends


@kernel
def _put_coco(text, at, value):
    """One number, 5 bits a character, lowest first, as in pycocotools' rleToString."""
    more = True
    while more:
        bits = value & 31
        value >>= 5
        more = value != -1 if bits & 16 else value != 0
        text[at] = 48 + (bits | 32 if more else bits)
        at += 1
    return at


@kernel
def coco_texts(starts, lengths, offsets, size):
    """Compressed COCO strings of all masks in one buffer, and where each ends."""
    text = np.empty(14 * (starts.size * 2 + 2 * offsets.size), np.uint8)
    ends = np.empty(offsets.size - 1, np.int64)
    at = np.int64(0)
    for m in range(offsets.size - 1):
        end = np.int64(0)
        k = 0
        gap_before = length_before = np.int64(0)
        for r in range(offsets[m], offsets[m + 1]):
            gap, length = starts[r] - end, np.int64(lengths[r])
            # From the third gap and the second length on, the difference to the last but one.
            at = _put_coco(text, at, gap - gap_before if k > 1 else gap)
            at = _put_coco(text, at, length - length_before if k > 0 else length)
            gap_before, length_before = gap, length
            end = starts[r] + length
            k += 1
        if end < size or k == 0:
            at = _put_coco(text, at, size - end - gap_before if k > 1 else size - end)
        ends[m] = at
    return text[:at], ends


@kernel
def _add_run(starts, lengths, n, begun, start, length):
    """Append a run, or lengthen the last one of this mask if it touches it."""
    touches = n > begun and starts[n - 1] + lengths[n - 1] == start
    if touches and np.int64(lengths[n - 1]) + length <= LONGEST_RUN:
        lengths[n - 1] += length
        return n
    starts[n], lengths[n] = start, length
    return n + 1


@kernel
def _check_run(start, length, end, size):
    """Whether a 0-based run may follow one that ended at ``end``."""
    if start < 0:
        return ZERO_START
    if length < 1:
        return ZERO_LENGTH
    if start + length > size:
        return OUTSIDE
    if length > LONGEST_RUN:
        return TOO_LONG
    if start < end:
        return UNSORTED if start + length <= end else OVERLAP
    return OK


@kernel
def parse_kaggle(text, ends, size):
    """Kaggle texts, one after the other -> starts, lengths, offsets, (problem, mask, number)."""
    capacity = text.size // 4 + ends.size + 1
    starts, lengths = np.empty(capacity, np.int64), np.empty(capacity, np.int32)
    offsets = np.zeros(ends.size + 1, np.int64)
    n, at = np.int64(0), 0
    for m in range(ends.size):
        begun, count, start, end = n, 0, np.int64(0), np.int64(0)
        while at < ends[m]:
            char = text[at]
            if char == 32 or (char >= 9 and char <= 13):
                at += 1
                continue
            value = np.int64(0)
            while at < ends[m] and text[at] >= 48 and text[at] <= 57:
                value = min(value * 10 + (text[at] - 48), _LIMIT)
                at += 1
            if at < ends[m] and not (text[at] == 32 or (text[at] >= 9 and text[at] <= 13)):
                return starts, lengths, offsets, (NOT_A_NUMBER, m, count)
            count += 1
            if count % 2 == 1:
                start = value - 1
                continue
            problem = _check_run(start, value, end, size)
            if problem != OK:
                return starts, lengths, offsets, (problem, m, count - 2)
            n = _add_run(starts, lengths, n, begun, start, value)
            end = start + value
        if count % 2 == 1:
            return starts, lengths, offsets, (ODD_COUNT, m, count)
        offsets[m + 1] = n
    return starts[:n], lengths[:n], offsets, (OK, -1, -1)


@kernel
def read_coco(text, n_masks, height, size):
    """Correct COCO strings, one a line, in one pass -> starts, lengths, offsets, boxes, areas, ok.

    ``ok`` is False if anything is not as it should be: `rle` looks for what it is.
    """
    capacity = text.size // 2 + 1
    starts, lengths = np.empty(capacity, np.int64), np.empty(capacity, np.int32)
    offsets, boxes = np.zeros(n_masks + 1, np.int64), np.zeros((n_masks, 4), np.int32)
    areas = np.zeros(n_masks, np.int64)
    at, n, fault = np.uint64(0), np.uint64(0), np.int64(0)
    for m in range(n_masks):
        at, n, y0, x0, y1, areas[m], fault = _read_coco_mask(
            text, at, n, starts, lengths, height, size
        )
        if m < n_masks - 1:
            fault |= -np.int64(at >= text.size)
            at += np.uint64(1)
        if fault < 0:
            break
        offsets[m + 1] = n
        if areas[m] > 0:
            boxes[m, 0], boxes[m, 2] = (0, height) if y1 > height else (y0, y1)
            last = np.int64(starts[n - np.uint64(1)]) + lengths[n - np.uint64(1)] - 1
            boxes[m, 1], boxes[m, 3] = x0, last // height + 1
    fault |= -np.int64(at < text.size)
    return starts[:n], lengths[:n], offsets, boxes, areas, fault >= 0


@njit(cache=True, nogil=True, inline="always")
def _read_coco_mask(text, at, n, starts, lengths, height, size):
    """One mask: the place after it, runs so far, y0, x0 and y1 of the box, area, -1 for a fault.

    y1 is beyond the height where a run crosses into the next column. Faults are gathered without
    branches in the sign of one number: 2.7 times as fast as to tell them apart. Not inlined, it
    takes a tenth longer.
    """
    gap, length, end, area, k = np.int64(0), np.int64(0), np.int64(0), np.int64(0), 0
    column, top, y0, y1, x0 = np.int64(0), np.int64(0), height, np.int64(0), np.int64(0)
    fault = np.int64(0)
    while at < text.size and text[at] != 10:
        value, at = _coco_number(text, at)
        gap = value + (gap if k > 1 else 0)
        # A gap of 0 is legal only at the front, where it says that the mask starts at once.
        fault |= (gap - (k > 0)) | (size - end - gap)
        end += gap
        if at >= text.size or text[at] == 10 or fault < 0:
            break
        value, at = _coco_number(text, at)
        length = value + (length if k > 0 else 0)
        fault |= (length - 1) | (LONGEST_RUN - length) | (size - end - length)
        if fault < 0:
            break
        starts[n], lengths[n] = end, length
        n += np.uint64(1)
        top += gap
        if top >= height:
            column, top = column + 1, top - height
            if top >= height:
                column, top = column + top // height, top % height
        if k == 0:
            x0 = column
        y0, y1 = min(y0, top), max(y1, top + length)
        area += length
        end += length
        top += length
        k += 1
    return at, n, y0, x0, y1, area, fault | (end - size)  # what is beyond it was a fault already


@kernel
def _coco_number(text, at):
    """Read the number at a place of COCO strings: it (-2**60 if it is none), the place after it."""
    char = np.int64(text[at]) - 48
    at += np.uint64(1)
    if char >= 0 and char < 32:
        return (char ^ 16) - 16, at
    value, shift = np.int64(0), np.int64(0)
    while char >= 32 and char < 64 and shift < 55 and at < text.size:
        value |= (char & 31) << shift
        shift += 5
        char = np.int64(text[at]) - 48
        at += np.uint64(1)
    if char < 0 or char >= 32:
        return np.int64(-(2**60)), at
    return value | ((char ^ 16) - 16) << shift, at
