"""Compiled search for the nucleus around each hole; arguments are checked by `objects`."""

import numpy as np
from numba import njit

_FRAME = -1
_UNKNOWN = 0


@njit(cache=True, nogil=True)
def surrounding(labels, pieces, n_pieces):
    """The one nucleus that encloses each piece of background.

    Parameters
    ----------
    labels : int32 (H, W)
    pieces : int32 (H, W), 0 in nuclei, pieces of background numbered 1..P
    n_pieces : int, P

    Returns
    -------
    int32 (P + 1,)
        Its id; -1 if the piece touches the frame or two nuclei.
    """
    height, width = labels.shape
    owners = np.full(n_pieces + 1, _UNKNOWN, np.int32)
    owners[0] = _FRAME
    for y in range(height):
        for x in range(width):
            piece = pieces[y, x]
            if owners[piece] == _FRAME:
                continue
            if y == 0 or x == 0 or y == height - 1 or x == width - 1:
                owners[piece] = _FRAME
                continue
            for id_ in (labels[y - 1, x], labels[y + 1, x], labels[y, x - 1], labels[y, x + 1]):
                if id_ > 0 and owners[piece] == _UNKNOWN:
                    owners[piece] = id_
                elif id_ > 0 and owners[piece] != id_:
                    owners[piece] = _FRAME
    return owners
