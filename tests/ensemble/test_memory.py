"""Memory grows with the runs: no table of masks by masks, no picture for each mask or of the image.

Both NumPy and Numba report what they allocate to tracemalloc.
"""

import os
import tracemalloc

import numpy as np
import pytest

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.ensemble.nuclei.methods import METHODS, fuse_instances
from nucfuse.ensemble.nuclei.suppression import mask_nms, matrix_nms, soft_nms
from nucfuse.masks.instances import Instances

# Uncompiled loops are slow, and allocate the same.
N_MODELS, N, TIMES = 4, 64 if os.environ.get("NUMBA_DISABLE_JIT") else 160, 8
RUNS_PER_MASK = 7
WORKS = {
    "nms": lambda _, pool: mask_nms(pool),
    "soft nms": lambda _, pool: soft_nms(pool),
    "matrix nms": lambda _, pool: matrix_nms(pool),
    "overlaps by score": lambda _, pool: remove_overlaps(pool, "score"),
    "overlaps by area": lambda _, pool: remove_overlaps(pool, "area", "split"),
    "overlaps by nearest": lambda _, pool: remove_overlaps(pool, "nearest"),
    **{
        f"fuse {method}": lambda sets, _, method=method: fuse_instances(sets, method)
        for method in METHODS
    },
}


def discs(n, apart=12):
    """n discs of 7 columns on a grid, a quarter of each model's and each a little elsewhere."""
    rng = np.random.default_rng(1)
    places = np.arange(n // N_MODELS)
    per_side = int(np.ceil(np.sqrt(places.size)))
    side = apart * per_side
    half = np.array([1, 2, 3, 3, 3, 2, 1])
    sets = []
    for model in range(N_MODELS):
        centres = np.stack(np.divmod(places, per_side), axis=1) * apart + 6
        centres = centres + rng.integers(-1, 2, centres.shape)
        starts = (centres[:, 1:] + np.arange(-3, 4)) * side + centres[:, :1] - half
        lengths = np.broadcast_to(2 * half + 1, starts.shape)
        offsets = np.arange(places.size + 1) * RUNS_PER_MASK
        scores = rng.permutation(places.size) / n + model / (2 * n)
        runs = starts.ravel(), lengths.ravel(), offsets
        sets.append(Instances.from_runs((side, side), *runs, scores=scores, source=f"m{model}"))
    return sets


def peak_bytes(work, sets):
    """Most that was allocated at once, the input not counted."""
    pool = Instances.concatenate(sets)
    work(sets, pool)  # so that what is compiled or imported at the first call does not count
    tracemalloc.start()
    try:
        work(sets, pool)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.compiled
@pytest.mark.parametrize("name", WORKS)
def test_memory_grows_with_the_masks_not_with_their_square(name):
    few, many = (peak_bytes(WORKS[name], discs(n)) for n in (N, N * TIMES))
    assert many < 1.5 * TIMES * few
    # Bytes per run: most is 111 ("nearest"). A table of masks by masks adds 183, if it holds bytes.
    assert many < 150 * RUNS_PER_MASK * N * TIMES


@pytest.mark.parametrize("name", WORKS)
def test_memory_does_not_grow_with_the_image(name):
    close, apart = discs(N), discs(N, apart=1200)
    pixels = apart[0].shape[0] * apart[0].shape[1]
    assert pixels > 10_000_000
    # A byte for every hundredth pixel at most.
    assert peak_bytes(WORKS[name], apart) < 2 * peak_bytes(WORKS[name], close) + pixels / 100


def test_the_peak_counts_what_numpy_and_kernels_allocate():
    sets = discs(N)
    assert peak_bytes(lambda *_: np.ones(1_000_000), sets) > 8_000_000
    labels = sets[0].shape[0] * sets[0].shape[1] * 4
    assert peak_bytes(lambda _, pool: pool.to_labels("score"), sets) > labels
    # A kernel that is handed a few runs and has to return as many.
    assert peak_bytes(lambda _, pool: pool.union(), sets) > 16 * sets[0].starts.size
