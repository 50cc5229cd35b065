"""TIFF's LZW streams. Nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel


@kernel
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
