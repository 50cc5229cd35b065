"""Hypothesis strategies for fusion: what several models might say about one small image."""

import numpy as np
from hypothesis import strategies as st
from strategies import mask_stacks

from nucfuse.masks.instances import Instances

# Eighths and powers of two: products and sums are exact, so that a tie is a tie for the oracle too.
SCORES = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.625, 0.75, 1.0])
WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 2.0])


@st.composite
def raw_sets(draw, max_sets=4, min_sets=1, max_side=6, scored=None):
    """Sets as dictionaries with masks (N, H, W), scores and classes (lists or None) and a name.

    All models look at the same few nuclei: each sees some of them, moved or frayed, and perhaps
    something else. Masks overlap within a set too; some are empty or said twice.
    """
    size = draw(st.tuples(st.integers(1, max_side), st.integers(1, max_side)))
    base = draw(mask_stacks(size, max_size=3))
    with_classes = draw(st.booleans())
    sets = []
    for k in range(draw(st.integers(min_sets, max_sets))):
        masks = [draw(_seen(mask)) for mask in base if draw(st.booleans())]
        masks += list(draw(mask_stacks(size, max_size=1)))
        masks = np.array(draw(st.permutations(masks)), bool).reshape(-1, *size)
        n = len(masks)
        has_scores = draw(st.booleans()) if scored is None else scored
        sets.append(
            {
                "masks": masks,
                "scores": draw(st.lists(SCORES, min_size=n, max_size=n)) if has_scores else None,
                "classes": draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
                if with_classes else None,
                "name": draw(st.sampled_from([f"m{k}", "same", ""])),
            }
        )  # fmt: skip
    return sets


@st.composite
def _seen(draw, mask):
    """A nucleus as a model might see it."""
    how = draw(st.sampled_from(["as it is", "as it is", "moved", "frayed"]))
    if how == "moved":
        return np.roll(mask, draw(st.sampled_from([-1, 1])), axis=draw(st.integers(0, 1)))
    if how == "frayed":
        noise = np.random.default_rng(draw(st.integers(0, 99))).random(mask.shape)
        return mask ^ (noise < 0.15)
    return mask


def weights_for(sets):
    """One positive weight for each set."""
    return st.lists(WEIGHTS, min_size=len(sets), max_size=len(sets))


def instances_of(raw):
    """`Instances` of one set given as a dictionary."""
    return Instances.from_masks(
        raw["masks"], scores=raw["scores"], source=raw["name"], classes=raw["classes"]
    )


@st.composite
def label_sets(draw, max_side=8):
    """Instances without overlaps, from a label image; scores may be missing."""
    size = draw(st.tuples(st.integers(1, max_side), st.integers(1, max_side)))
    labels = np.zeros(size, int)
    for k, mask in enumerate(draw(mask_stacks(size, max_size=5))):
        labels[mask] = k + 1
    n = len(np.unique(labels[labels > 0]))
    scores = draw(st.none() | st.lists(SCORES, min_size=n, max_size=n))
    return Instances.from_labels(labels, scores=scores, source=draw(st.sampled_from(["", "a"])))


@st.composite
def box_sets(draw, max_sets=3, max_boxes=6):
    """boxes, scores, classes and weights of one to three models; boxes are small and whole."""
    sets = []
    for _ in range(draw(st.integers(1, max_sets))):
        boxes = []
        for _ in range(draw(st.integers(0, max_boxes))):
            y, x = draw(st.integers(0, 6)), draw(st.integers(0, 6))
            boxes.append([y, x, y + draw(st.integers(0, 6)), x + draw(st.integers(0, 6))])
        n = len(boxes)
        scores = draw(st.lists(st.integers(1, 999), min_size=n, max_size=n, unique=True))
        classes = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
        sets.append((boxes, [s / 1024 for s in scores], classes, draw(WEIGHTS)))
    return tuple(map(list, zip(*sets, strict=True)))
