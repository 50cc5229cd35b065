"""Filters of PNG scan lines. Arguments are checked; nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel


@kernel
def unfilter_png(lines, step):
    """Undo the filters of PNG scan lines (W3C PNG, section 9) in place.

    uint8 (H, 1 + B), each line a filter's number and the bytes of its pixels; bytes per pixel (at
    least 1). Returns whether every filter was known. The line above the first is 0.
    """
    n = lines.shape[1]
    for y in range(lines.shape[0]):
        kind = lines[y, 0]
        if kind == 1 or (kind == 4 and y == 0):  # Paeth's filter is that of the left there
            for x in range(step + 1, n):
                lines[y, x] = (np.int64(lines[y, x]) + lines[y, x - step]) & 255
        elif kind == 2 and y > 0:
            for x in range(1, n):
                lines[y, x] = (np.int64(lines[y, x]) + lines[y - 1, x]) & 255
        elif kind == 3:
            for x in range(1, n):
                left = np.int64(lines[y, x - step]) if x > step else 0
                up = np.int64(lines[y - 1, x]) if y > 0 else 0
                lines[y, x] = (lines[y, x] + ((left + up) >> 1)) & 255
        elif kind == 4:
            _unfilter_paeth(lines, y, step)
        elif kind > 4:
            return False
    return True


@kernel
def _unfilter_paeth(lines, y, step):
    for x in range(1, lines.shape[1]):
        up, left, corner = np.int64(lines[y - 1, x]), np.int64(0), np.int64(0)
        if x > step:
            left, corner = np.int64(lines[y, x - step]), np.int64(lines[y - 1, x - step])
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        guess = corner
        if to_left <= to_up and to_left <= to_corner:
            guess = left
        elif to_up <= to_corner:
            guess = up
        lines[y, x] = (lines[y, x] + guess) & 255
