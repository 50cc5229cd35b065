"""Compiled loops for reading images and masks. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def paint_mask(mask, labels, label):
    """Give the pixels of a mask to ``label`` where they are still 0.

    uint8 (H, W), non-zero = inside; int32 (H, W), both C-contiguous and changed in place. Returns
    the pixels in the mask, those of them that were taken, and those whose value differs from that
    of the mask's first pixel. Masks are mostly empty: 64 pixels at a time are asked for any inside.
    """
    flat = mask.reshape(-1)
    target = labels.reshape(-1)
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    inside = 0
    taken = 0
    other = 0
    value = np.uint8(0)
    for block in range(0, flat.size, 64):
        end = min(block + 64, flat.size)
        if end - block == 64:
            any_inside = np.uint64(0)
            for word in range(block // 8, block // 8 + 8):
                any_inside |= words[word]
            if any_inside == 0:
                continue
        for i in range(block, end):
            if flat[i] == 0:
                continue
            if inside == 0:
                value = flat[i]
            inside += 1
            other += flat[i] != value
            if target[i] == 0:
                target[i] = label
            else:
                taken += 1
    return inside, taken, other


@njit(cache=True, nogil=True)
def _sum(a, b):
    """Sum of two bytes, modulo 256; written so that plain Python does not warn of the overflow."""
    return np.uint8((np.int64(a) + np.int64(b)) & 255)


@njit(cache=True, nogil=True)
def _unfilter_average(line, above, row, step):
    for x in range(row.size):
        left = np.int64(row[x - step]) if x >= step else np.int64(0)
        row[x] = _sum(line[x], (left + np.int64(above[x])) >> 1)


@njit(cache=True, nogil=True)
def _unfilter_paeth(line, above, row, step):
    for x in range(row.size):
        left = np.int64(row[x - step]) if x >= step else np.int64(0)
        corner = np.int64(above[x - step]) if x >= step else np.int64(0)
        up = np.int64(above[x])
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        guess = corner
        if to_left <= to_up and to_left <= to_corner:
            guess = left
        elif to_up <= to_corner:
            guess = up
        row[x] = _sum(line[x], guess)


@njit(cache=True, nogil=True)
def unfilter_png(raw, step, rows):
    """Undo the filters of PNG scan lines (W3C PNG, section 9), which begin with a filter's number.

    uint8 (H, 1 + B), bytes per pixel (at least 1) -> uint8 (H, B), filled in place. Returns
    whether every filter was known.
    """
    n = rows.shape[1]
    above = np.zeros(n, np.uint8)
    for y in range(rows.shape[0]):
        kind, line, row = raw[y, 0], raw[y, 1:], rows[y]
        # Loops, not slices: assigning slices took three times as long.
        if kind == 0:
            for x in range(n):
                row[x] = line[x]
        elif kind == 1:
            for x in range(min(step, n)):
                row[x] = line[x]
            for x in range(step, n):
                row[x] = _sum(line[x], row[x - step])
        elif kind == 2:
            for x in range(n):
                row[x] = _sum(line[x], above[x])
        elif kind == 3:
            _unfilter_average(line, above, row, step)
        elif kind == 4:
            _unfilter_paeth(line, above, row, step)
        else:
            return False
        above = row
    return True


@njit(cache=True, nogil=True)
def lzw_size(data):
    """Bytes that TIFF's LZW data decode to, or -1 if they are damaged (TIFF 6.0, section 13).

    uint8 (N,). They must begin with the reset code; they end with the end code or, as some programs
    write them, without.
    """
    lengths = np.ones(4096, np.int64)  # of the string that each code stands for
    table_size = 258
    width = 9
    largest = -1  # code that may come now, but for the two special ones
    previous = -1
    size = np.int64(0)
    bits = np.int64(0)
    n_bits = 0
    for byte in data:
        bits = ((bits << 8) | np.int64(byte)) & 0xFFFFFF
        n_bits += 8
        if n_bits < width:
            continue
        n_bits -= width
        code = (bits >> n_bits) & ((1 << width) - 1)
        if code == 257:
            return size
        if code == 256:
            table_size, width, largest, previous = 258, 9, 255, -1
            continue
        if code > largest or table_size >= 4096:
            return np.int64(-1)
        if previous >= 0:
            lengths[table_size] = lengths[previous] + 1
            table_size += 1
            if table_size + 1 >= 1 << width and width < 12:
                width += 1
        size += lengths[code]
        previous = code
        largest = table_size  # known codes, and the one that is made of it
    return size
