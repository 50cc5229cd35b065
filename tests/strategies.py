"""Hypothesis strategies: valid inputs by construction, nothing filtered away.

Sizes stay small, so that the oracles and uncompiled kernels are quick, but some images are wider or
taller than 64 pixels: the kernels work in blocks of that many.
"""

import numpy as np
from hypothesis import strategies as st

from nucfuse.masks.instances import Instances

INT_DTYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", ">u2", ">i4")
LARGEST_ID = 2**62


@st.composite
def shapes(draw, max_side=10):
    """(H, W): small, one row, one column, and longer than a block of 64 pixels."""
    short, long = st.integers(1, max_side), st.integers(60, 140)
    return draw(
        st.one_of(
            st.tuples(short, short),
            st.tuples(st.just(1), short),
            st.tuples(short, st.just(1)),
            st.tuples(st.integers(1, 3), long),
            st.tuples(long, st.integers(1, 3)),
        )
    )


def volume_shapes():
    """(D, H, W) of a small label volume."""
    return st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))


# ------------------------------------------------------------------------------------ label images


@st.composite
def _noise(draw, shape, lowest, highest):
    """Every pixel for itself: ids in many pieces, everything touches."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(lowest, highest + 1, shape)


@st.composite
def _blocks(draw, shape, highest):
    """Boxes painted over each other: touching, thin, one-pixel, cut by the edge."""
    ranks = np.zeros(shape, np.int64)
    for rank in range(1, highest + 1):
        ranks[draw(_box_slices(shape))] = rank
    return ranks


@st.composite
def _box_slices(draw, shape):
    """Slices of a box with at least one pixel; one-pixel and thin ones are the simplest."""
    corner = [draw(st.integers(0, n - 1)) for n in shape]
    sides = [draw(st.integers(1, n - at)) for n, at in zip(shape, corner, strict=True)]
    return tuple(slice(at, at + side) for at, side in zip(corner, sides, strict=True))


def rank_images(shape, highest=5):
    """Label images with ids in 0..highest (some may be absent), int64."""
    return st.one_of(
        _blocks(shape, highest),
        _noise(shape, 0, highest),
        _noise(shape, 1, highest),  # no background
        st.just(np.zeros(shape, np.int64)),  # empty
        st.just(np.ones(shape, np.int64)),  # one nucleus fills the frame
    )


@st.composite
def _id_lists(draw, n, largest):
    """n distinct ids in 1..largest in any order: sequential, with gaps, or at the upper end."""
    kind = draw(st.sampled_from(["sequential", "gaps", "largest"]))
    if kind == "sequential":
        ids = list(range(1, n + 1))
    elif kind == "gaps":
        room = largest // n
        steps = draw(st.lists(st.integers(1, room), min_size=n, max_size=n))
        ids = np.cumsum(np.array(steps, object)).tolist()
    else:
        ids = list(range(largest - n + 1, largest + 1))
    return draw(st.permutations(ids))


@st.composite
def label_images(draw, shape=None, dtypes=INT_DTYPES, largest_id=LARGEST_ID, n_ids=5):
    """Label images: any ids up to 2**62, any integer dtype, C or Fortran order, any byte order."""
    size = draw(shapes()) if shape is None else shape
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    ranks = draw(rank_images(size, n_ids))
    ids = draw(_id_lists(n_ids, min(largest_id, np.iinfo(dtype).max)))
    labels = np.array([0, *ids], dtype)[ranks]
    return np.asfortranarray(labels) if draw(st.booleans()) else labels


@st.composite
def label_pairs(draw, shape=None, **kwargs):
    """(true_labels, pred_labels) of one shape; dtypes may differ; sometimes the very same."""
    size = draw(shapes()) if shape is None else shape
    true = draw(label_images(size, **kwargs))
    if draw(st.booleans()):
        return true, draw(label_images(size, **kwargs))
    return true, draw(st.sampled_from([true, true[::-1], np.roll(true, 1, axis=-1)]))


@st.composite
def label_volumes_pairs(draw):
    """(true_labels, pred_labels) of one shape (D, H, W)."""
    return draw(label_pairs(draw(volume_shapes())))


# ------------------------------------------------------------------------ masks that may overlap


@st.composite
def mask_stacks(draw, shape=None, min_size=0, max_size=6):
    """Boolean stack (N, H, W); masks may overlap, be equal, be empty or fill the frame."""
    size = draw(shapes()) if shape is None else shape
    n = draw(st.integers(min_size, max_size))
    stack = np.zeros((n, *size), bool)
    for mask in stack:
        kind = draw(st.sampled_from(["box", "noise", "two boxes", "empty", "frame"]))
        if kind == "noise":
            mask[:] = draw(_noise(size, 0, 1)) == 1
        elif kind == "frame":
            mask[:] = True
        for _ in range({"box": 1, "two boxes": 2}.get(kind, 0)):
            mask[draw(_box_slices(size))] = True
    return stack


@st.composite
def stack_pairs(draw):
    """Two stacks of masks over images of one shape."""
    size = draw(shapes())
    return draw(mask_stacks(size)), draw(mask_stacks(size))


@st.composite
def instance_sets(draw, shape=None, min_size=0, max_size=6, with_classes=None):
    """Instances that may overlap, with scores (or none), a source and perhaps classes."""
    stack = draw(mask_stacks(shape, min_size, max_size))
    n = len(stack)
    scores = draw(st.none() | st.lists(st.floats(0, 1, width=32), min_size=n, max_size=n))
    if with_classes is None:
        with_classes = draw(st.booleans())
    classes = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)) if with_classes else None
    source = draw(st.sampled_from(["", "unet", "mask_rcnn"]))
    return Instances.from_masks(stack, scores=scores, source=source, classes=classes)


@st.composite
def instance_lists(draw, max_parts=4):
    """One to four Instances of one shape, all with classes or none."""
    shape = draw(shapes())
    with_classes = draw(st.booleans())
    n = draw(st.integers(1, max_parts))
    return [draw(instance_sets(shape, max_size=3, with_classes=with_classes)) for _ in range(n)]


# ------------------------------------------------------------------------------------ RLE strings


@st.composite
def kaggle_texts(draw):
    """(text, shape): a valid Kaggle RLE, runs that may touch, blanks of all kinds between."""
    shape = draw(shapes())
    size = shape[0] * shape[1]
    words = []
    position = draw(st.integers(1, size))
    while position <= size and len(words) < 16:
        length = draw(st.integers(1, size - position + 1))
        words += [str(position), str(length)]
        position += length + draw(st.integers(0, 5))
    blanks = st.sampled_from([" ", "  ", "\t", "\n", "\r\n"])
    text = "".join(word + draw(blanks) for word in words[:-1]) + words[-1]
    return draw(st.sampled_from([text, text + " ", " " + text, ""])), shape


@st.composite
def broken_kaggle_texts(draw):
    """(text, shape, words of the error): a valid text, broken in one way."""
    shape = draw(shapes())
    size = shape[0] * shape[1]
    start = draw(st.integers(1, size))
    length = draw(st.integers(1, size - start + 1))
    beyond = size - start + 1 + draw(st.integers(1, 10**40))
    junk = draw(st.sampled_from(["x", "1.5", "-1", "+1", "1e3", "0x1", "nan", "1,2", "é", "²"]))
    text, words = draw(
        st.sampled_from(
            [
                (f"{start}", "start without a length"),
                (f"{start} {length} {start}", "start without a length"),
                (f"0 {length}", "start below 1"),
                (f"{start} 0", "run of no pixels"),
                (f"{start} {beyond}", "past the end"),
                (f"{size + 1} 1", "past the end"),
                (f"{start} {length} {start} {length}", "ahead of it"),
                (f"{start} {length} {start + length - 1} 1", "ahead of it"),
                (f"{junk} {length}", "not a number"),
                (f"{start} {junk}", "not a number"),
                (f"{start} {length} {junk} 1", "not a number"),
            ]
        )
    )
    return text, shape, words
