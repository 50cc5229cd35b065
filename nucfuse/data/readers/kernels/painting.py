"""Masks painted into a label image. Arguments are checked; nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel


@kernel
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
