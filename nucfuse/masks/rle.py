"""Run-length texts: Kaggle's ("start length …", 1-based) and COCO's (counts, compressed).

Both count pixels in column-major order, as ``Instances`` does, so either is a change of notation.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.kernels import rle as kernels
from nucfuse.masks.kernels.arrays import MaskArrays
from nucfuse.masks.kernels.runs import measure_runs

Dialect = Literal["kaggle", "coco"]
Runs = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]

_REASONS = {
    kernels.NOT_A_NUMBER: "is not a number that RLE can hold",
    kernels.ODD_COUNT: "is a start without a length; numbers must come in pairs",
    kernels.ZERO_START: "is a start below 1; RLE counts pixels from 1",
    kernels.ZERO_LENGTH: "is a run of no pixels; lengths start at 1",
    kernels.UNSORTED: "starts before the run ahead of it; runs must be sorted",
    kernels.OVERLAP: "overlaps the run ahead of it; runs of one nucleus must be disjoint",
    kernels.OUTSIDE: "runs past the end of the image",
    kernels.TOO_LONG: f"is a run of more than {kernels.LONGEST_RUN} pixels, which none can have",
    kernels.SHORT: "is missing: the counts do not add up to the pixels of the image",
}


class RLEError(ValueError):
    """A run-length text that breaks the rules.

    Attributes
    ----------
    mask : int
        Which of the texts, from 0.
    reason : str
        What is wrong, without naming the mask; readers put file and row in front.
    """

    def __init__(self, mask: int, reason: str) -> None:
        super().__init__(f"RLE of mask {mask}: {reason}")
        self.mask = mask
        self.reason = reason


def check_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Return an image size (H, W) as two positive ints, or raise a ValueError.

    Examples
    --------
    >>> check_shape([3, 4])
    (3, 4)
    """
    if len(shape) != 2 or any(int(n) != n or n < 1 for n in shape):
        raise ValueError(
            f"shape must be (height, width) in whole pixels from 1, got {tuple(shape)}"
        )
    height, width = int(shape[0]), int(shape[1])
    if height >= 2**31 or width >= 2**31 or height * width > 2**48:
        raise ValueError(f"shape {height} x {width} is beyond any image (limit 2**48 pixels)")
    return height, width


def parse_rle(texts: Sequence[str | bytes], shape: Sequence[int], dialect: Dialect) -> Runs:
    """Strictly read one RLE text per mask.

    Parameters
    ----------
    texts : sequence of str or bytes
        ``dialect="kaggle"``: "start length start length …", starts from 1. ``"coco"``: compressed
        strings as pycocotools writes them. An empty Kaggle text is a mask without pixels.
    shape : (H, W)
        Size of the image in pixels.

    Returns
    -------
    starts, lengths, offsets : ndarray of int64 (R,), int32 (R,), int64 (N + 1,)
        Column-major runs from 0; runs that touch are joined.

    Raises
    ------
    RLEError
        Names the mask and the number: not an integer, odd count, start or length below 1, unsorted,
        overlapping, or past the end; for COCO also counts that do not add up to H x W.
    """
    height, width = check_shape(shape)
    if dialect not in ("kaggle", "coco"):
        raise ValueError(f"dialect must be 'kaggle' or 'coco', got {dialect!r}")
    if dialect == "coco":
        return read_coco(texts, (height, width))[:3]
    encoded = [_as_bytes(text, mask) for mask, text in enumerate(texts)]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    buffer = np.frombuffer(b"".join(encoded), np.uint8)
    starts, lengths, offsets, (problem, mask, number) = kernels.parse_kaggle(
        buffer, ends, height * width
    )
    if problem != kernels.OK:
        where = _where_in_kaggle(problem, number, encoded[mask])
        raise RLEError(int(mask), f"{where} {_words(problem, (height, width))}")
    return starts, lengths, offsets


def read_coco(texts: Sequence[str | bytes], shape: tuple[int, int]) -> MaskArrays:
    """Read COCO strings with the boxes and areas of the masks, as strictly as `parse_rle`."""
    try:
        joined = "\n".join(texts).encode("utf-8", "surrogatepass")  # type: ignore[arg-type]
    except TypeError:  # not all of them are str
        joined = b"\n".join(_as_bytes(text, mask) for mask, text in enumerate(texts))
    starts, lengths, offsets, boxes, areas, correct = kernels.read_coco(
        np.frombuffer(joined, np.uint8), len(texts), shape[0], shape[0] * shape[1]
    )
    if not correct:
        size = shape[0] * shape[1]
        problems = ((m, *_coco_problem(_as_bytes(text, m), size)) for m, text in enumerate(texts))
        mask, problem, number = next(found for found in problems if found[1] != kernels.OK)
        raise RLEError(mask, f"number {number + 1} {_words(problem, shape)}")
    return MaskArrays(starts, lengths, offsets, boxes, areas, shape[0])


def _coco_problem(text: bytes, size: int) -> tuple[int, int]:
    """Tell what is wrong with a COCO string, and with which of its numbers."""
    counts: list[int] = []
    value = shift = end = 0
    for char in text:
        if not 48 <= char < 112 or shift > 55:
            return kernels.NOT_A_NUMBER, len(counts)
        value, shift = value | (char - 48 & 31) << shift, shift + 5
        if char - 48 & 32:
            continue  # the number has more characters
        value -= (char - 48 & 16) << shift - 4  # the sign
        value += counts[-2] if len(counts) > 2 else 0
        if value < (len(counts) > 0):
            return kernels.ZERO_LENGTH, len(counts)
        if value > size - end:
            return kernels.OUTSIDE, len(counts)
        if len(counts) % 2 == 1 and value > kernels.LONGEST_RUN:
            return kernels.TOO_LONG, len(counts)
        counts.append(value)
        end, value, shift = end + value, 0, 0
    if shift:
        return kernels.NOT_A_NUMBER, len(counts)
    return kernels.OK if end == size else kernels.SHORT, len(counts)


def _as_bytes(text: str | bytes, mask: int) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise RLEError(mask, f"expected text, got {type(text).__name__} ({text!r:.40})")
    # Bytes above 127 are digits in neither dialect; a replacement "?" would be one of COCO's.
    return text.encode("utf-8", "surrogatepass")


def _where_in_kaggle(problem: int, number: int, text: bytes) -> str:
    tokens = text[: 16 * (number + 3)].split() if len(text) < 10**6 else text.split()
    shown = b" ".join(tokens[number : number + 2 - (problem == kernels.NOT_A_NUMBER)])
    if problem == kernels.ODD_COUNT:
        shown = tokens[-1]
    else:
        number += 1
    return f"number {number} ({shown.decode('utf-8', 'replace')[:40]!r})"


def _words(problem: int, shape: tuple[int, int]) -> str:
    image = f" ({shape[0]} x {shape[1]} = {shape[0] * shape[1]} pixels)"
    return _REASONS[problem] + (image if problem in (kernels.OUTSIDE, kernels.SHORT) else "")


def write_rle(runs: Runs, shape: tuple[int, int], dialect: Dialect) -> list[str]:
    """One RLE text per mask of column-major runs; the opposite of `parse_rle`."""
    starts, lengths, offsets = runs
    if dialect == "kaggle":
        text, ends = kernels.kaggle_texts(starts, lengths, offsets)
    elif dialect == "coco":
        text, ends = kernels.coco_texts(starts, lengths, offsets, shape[0] * shape[1])
    else:
        raise ValueError(f"dialect must be 'kaggle' or 'coco', got {dialect!r}")
    whole = text.tobytes().decode("ascii")
    return [whole[begin:end] for begin, end in pairwise([0, *ends.tolist()])]


def counts_to_runs(counts: Sequence[Sequence[int]], shape: tuple[int, int]) -> Runs:
    """Uncompressed COCO counts (background, mask, background, …) of each mask -> runs.

    Raises
    ------
    RLEError
        If a count is no integer or below 1 (the first may be 0), or they do not add up to H x W.
    """
    parts = []
    for mask, of_mask in enumerate(counts):
        if reason := _reason_of_counts(of_mask, shape):
            raise RLEError(mask, reason)
        values = np.asarray(of_mask, np.int64)
        lengths = values[1::2].astype(np.int32)
        parts.append((np.cumsum(values)[1::2] - lengths, lengths))
    return join_runs(parts)


def _reason_of_counts(counts: Sequence[int], shape: tuple[int, int]) -> str:
    """Tell what is wrong with the counts of a mask; empty if nothing is."""
    size = shape[0] * shape[1]
    for number, count in enumerate(counts, start=1):
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            return f"count {number} ({count!r:.40}) is not an integer"
        if not (number > 1) <= count <= size:
            return f"count {number} ({count}) is not in 1..{size}"
        if number % 2 == 0 and count > kernels.LONGEST_RUN:
            return f"count {number} ({count}) {_REASONS[kernels.TOO_LONG]}"
    total = sum(map(int, counts))  # not in int64, where enough of them wrap around
    if total == size:
        return ""
    return f"counts add up to {total}, but the image has {shape[0]} x {shape[1]} = {size} pixels"


def runs_to_counts(runs: Runs, shape: tuple[int, int]) -> list[list[int]]:
    """Write runs as uncompressed COCO counts of each mask, ending where the image does."""
    starts, lengths, offsets = runs
    edges = np.stack([starts, starts + lengths], axis=1).ravel()
    counts = [
        np.diff(edges[2 * begin : 2 * end], prepend=0, append=shape[0] * shape[1]).tolist()
        for begin, end in pairwise(offsets.tolist())
    ]
    return [c if c[-1] or len(c) == 1 else c[:-1] for c in counts]


def check_runs(
    starts: ArrayLike, lengths: ArrayLike, offsets: ArrayLike, shape: tuple[int, int]
) -> Runs:
    """Return runs as `Instances` holds them, or raise as `Instances.from_runs` says."""
    runs = (
        np.ascontiguousarray(starts, np.int64),
        np.ascontiguousarray(lengths, np.int64),  # int32 would hide lengths that wrap around
        np.ascontiguousarray(offsets, np.int64),
    )
    n_runs = runs[0].size
    if runs[1].size != n_runs or runs[2].size < 1 or runs[2][0] != 0 or runs[2][-1] != n_runs:
        raise ValueError("offsets must begin with 0 and end with the number of runs")
    if (np.diff(runs[2]) < 0).any():
        raise ValueError("offsets must not decrease")
    bad = _bad_runs(*runs, shape[0] * shape[1])
    if bad.any():
        first = int(np.argmax(bad))
        mask = int(np.searchsorted(runs[2], first, side="right")) - 1
        raise ValueError(
            f"run {first - runs[2][mask]} of mask {mask} is empty, unsorted, overlaps or touches "
            f"the one before it, or lies outside {shape}"
        )
    return runs[0], runs[1].astype(np.int32), runs[2]


def _bad_runs(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], offsets: NDArray[np.int64], size: int
) -> NDArray[np.bool_]:
    bad: NDArray[np.bool_] = (starts < 0) | (lengths < 1) | (lengths > size - starts)
    bad |= lengths > kernels.LONGEST_RUN
    follows = np.ones(starts.size + 1, bool)
    follows[offsets] = False  # the first run of a mask follows none
    bad[1:] |= follows[1:-1] & (starts[1:] <= (starts + lengths)[:-1])
    return bad


def join_runs(parts: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> Runs:
    """Join runs (starts, lengths) of one mask each -> starts, lengths and offsets of all."""
    nothing: list[NDArray[Any]] = [np.empty(0, np.int64)]
    return (
        np.concatenate([part[0] for part in parts] or nothing).astype(np.int64, copy=False),
        np.concatenate([part[1] for part in parts] or nothing).astype(np.int32, copy=False),
        np.cumsum([0, *(part[0].size for part in parts)], dtype=np.int64),
    )


def measured(runs: Runs, height: int) -> MaskArrays:
    """Add the boxes and areas of the masks to their runs."""
    n = runs[2].size - 1
    boxes, areas = np.zeros((n, 4), np.int32), np.zeros(n, np.int64)
    measure_runs(*runs, height, boxes, areas)
    return MaskArrays(*runs, boxes, areas, height)
