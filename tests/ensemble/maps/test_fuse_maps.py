import gc
import weakref
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from naive import maps as naive
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.ensemble.maps import fuse_maps as pixel
from nucfuse.ensemble.maps.fuse_maps import MeanAccumulator, Method, fuse_maps, mean_maps

METHODS = get_args(Method)
STREAMED = ("mean", "geometric", "logit", "max", "min")
WITHIN = {"rtol": 0, "atol": 1e-6}

methods = st.sampled_from(METHODS)
probabilities = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1, width=32)
# Multiples of 1/4: half of the weight is hit exactly, and sums are exact in any order.
model_weights = st.integers(0, 8).map(lambda k: k / 4)
trims = st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5])


@st.composite
def map_shapes(draw):
    """(H, W) or (C, H, W)."""
    side = st.integers(1, 4)
    return draw(st.tuples(side, side) | st.tuples(st.integers(1, 3), side, side))


@st.composite
def map_lists(draw, min_size=1, max_size=7):
    """K maps of one shape, float32."""
    shape = draw(map_shapes())
    n = draw(st.integers(min_size, max_size))
    return list(draw(arrays(np.float32, (n, *shape), elements=probabilities)))


@st.composite
def weighted_maps(draw):
    """(maps, weights or None, pixel_weights or None), weight everywhere."""
    maps = draw(map_lists())
    n, size = len(maps), maps[0].shape[-2:]
    weights = draw(st.none() | st.lists(model_weights, min_size=n, max_size=n))
    planes = draw(st.none() | arrays(float, (n, *size), elements=model_weights))
    if weights is not None:
        weights[draw(st.integers(0, n - 1))] = 1.0
    if planes is not None:
        heaviest = np.argmax(weights) if weights else 0
        planes[heaviest] += 0.25
        planes = [p if draw(st.booleans()) else None for p in planes]
    return maps, weights, planes


def each_pixel(maps, weights, planes, method, trim):
    """The oracle over all pixels."""
    fused = np.empty(maps[0].shape)
    for index in np.ndindex(fused.shape):
        own = [1.0] * len(maps) if weights is None else weights
        if planes is not None:
            own = [
                w * (1 if p is None else p[index[-2:]]) for w, p in zip(own, planes, strict=True)
            ]
        fused[index] = naive.fuse([float(m[index]) for m in maps], own, method, trim)
    return fused


@given(weighted_maps(), methods, trims)
def test_matches_naive(case, method, trim):
    fused = fuse_maps(case[0], method, *case[1:], trim=trim)
    assert fused.dtype == np.float32
    assert_allclose(fused, each_pixel(*case, method, trim), **WITHIN)


@given(weighted_maps(), st.sampled_from(STREAMED))
def test_one_at_a_time_matches_all_at_once(case, method):
    maps, weights, planes = case
    together = fuse_maps(maps, method, weights, planes)
    assert_allclose(fuse_maps(iter(maps), method, weights, planes), together, **WITHIN)
    fused = MeanAccumulator(method)
    for i, one in enumerate(maps):
        fused.add(one, 1 if weights is None else weights[i], None if planes is None else planes[i])
    assert_allclose(fused.result(), together, **WITHIN)
    assert fused.count == len(maps)


@given(map_lists(max_size=9), trims)
def test_ranks_are_those_of_numpy(maps, trim):
    assert_array_equal(fuse_maps(maps, "max"), np.max(maps, axis=0))
    assert_array_equal(fuse_maps(maps, "min"), np.min(maps, axis=0))
    assert_allclose(fuse_maps(maps, "median"), np.median(maps, axis=0), rtol=1e-7, atol=0)
    assert_allclose(fuse_maps(maps, "trimmed", trim=0.5), np.median(maps, axis=0), rtol=1e-6)
    assert_allclose(mean_maps(maps), np.mean(maps, axis=0, dtype=float), **WITHIN)


@pytest.mark.parametrize("n", range(1, 20))
@pytest.mark.parametrize("trim", [0.0, 0.3, 0.5])
def test_sorting_networks(n, trim):
    """Zeros and ones suffice (Knuth's 0-1 principle), but ranks that nobody needs may be wrong."""
    rng = np.random.default_rng(n)
    maps = rng.integers(0, 2, (n, 16, 16)).astype(np.float32)
    shares = pixel._ranking(n, trim)[1]
    expected = np.tensordot(shares, np.sort(maps, axis=0), axes=1)
    assert_allclose(fuse_maps(maps, "trimmed", trim=trim), expected, **WITHIN)
    assert shares.sum() == pytest.approx(1)
    assert_allclose(shares, shares[::-1], rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------- laws


@given(weighted_maps())
def test_order_of_means(case):
    fused = {method: fuse_maps(case[0], method, *case[1:]) for method in METHODS}
    slack = 1e-6
    for method in METHODS:
        assert (fused["min"] <= fused[method] + slack).all()
        assert (fused[method] <= fused["max"] + slack).all()
    assert (fused["geometric"] <= fused["mean"] + slack).all()


@given(weighted_maps(), methods, st.randoms(use_true_random=False))
def test_order_of_models_changes_nothing(case, method, random):
    maps, weights, planes = case
    order = list(range(len(maps)))
    random.shuffle(order)
    shuffled = [None if x is None else [x[i] for i in order] for x in (maps, weights, planes)]
    once, again = (
        fuse_maps(maps, method, weights, planes),
        fuse_maps(shuffled[0], method, *shuffled[1:]),
    )
    if method in ("max", "min") or (method == "median" and weights is None and planes is None):
        assert_array_equal(once.view(np.int32), again.view(np.int32))
    else:
        assert_allclose(once, again, **WITHIN)


@given(weighted_maps(), methods)
def test_fusing_flipped_maps_flips_the_result(case, method):
    maps, weights, planes = case
    for flip in (np.fliplr, np.flipud, np.transpose):

        def turned(array, flip=flip):
            return (
                None
                if array is None
                else np.stack([flip(a) for a in array.reshape(-1, *array.shape[-2:])])
            )

        flipped = None if planes is None else [None if p is None else flip(p) for p in planes]
        fused = fuse_maps([turned(m) for m in maps], method, weights, flipped)
        assert_allclose(fused, turned(fuse_maps(maps, method, weights, planes)), **WITHIN)


@given(map_lists(max_size=1), st.integers(1, 9), methods, st.data())
def test_copies_of_one_map_are_that_map(maps, n, method, data):
    weights = data.draw(st.none() | st.lists(st.floats(0.01, 100), min_size=n, max_size=n))
    assert_allclose(fuse_maps(maps * n, method, weights), maps[0], rtol=1e-6, atol=1e-9)
    if method not in ("logit", "geometric"):
        assert_array_equal(fuse_maps(maps * n, method), maps[0])


@given(weighted_maps(), methods, st.data())
def test_a_model_without_weight_changes_nothing(case, method, data):
    maps, weights, planes = case
    further = data.draw(arrays(np.float32, maps[0].shape, elements=probabilities))
    with_it = fuse_maps(
        [*maps, further], method, [*(weights or [1.0] * len(maps)), 0.0],
        None if planes is None else [*planes, None],
    )  # fmt: skip
    assert_allclose(with_it, fuse_maps(maps, method, weights, planes), **WITHIN)


@given(weighted_maps(), methods, st.sampled_from([1e-3, 7.0, 1e30]))
def test_only_proportions_of_weights_count(case, method, factor):
    maps, weights, planes = case
    scaled = [w * factor for w in (weights or [1.0] * len(maps))]
    fused = fuse_maps(maps, method, scaled, planes)
    assert_allclose(fused, fuse_maps(maps, method, weights, planes), **WITHIN)


@given(map_lists(), st.sampled_from(["mean", "logit", "median", "trimmed"]))
def test_complements(maps, method):
    """These treat nucleus and background alike."""
    maps = [np.round(m * 1024) / 1024 for m in maps]  # so that 1 - m is exact
    fused = fuse_maps([1 - m for m in maps], method)
    assert_allclose(fused, 1 - fuse_maps(maps, method), rtol=0, atol=5e-6)


# ------------------------------------------------------------------------------------------ edges


@given(
    map_lists(max_size=5), methods, st.sampled_from(["f2", "f8", ">f4", "F", "strided", "locked"])
)
def test_any_form_of_array(maps, method, form):
    values = [np.float16(m).astype(np.float32) for m in maps]
    if form in ("f2", "f8", ">f4"):
        given_maps = [m.astype(form) for m in values]
    elif form == "F":
        given_maps = [np.asfortranarray(m) for m in values]
    elif form == "strided":
        given_maps = [np.repeat(m, 2, axis=-1)[..., ::2] for m in values]
    else:
        given_maps = values
        for one in given_maps:
            one.setflags(write=False)
    before = [m.copy() for m in given_maps]
    assert_array_equal(fuse_maps(given_maps, method), fuse_maps(values, method))
    for one, was in zip(given_maps, before, strict=True):
        assert_array_equal(one, was)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_blocks_fit_together(method, n, monkeypatch):
    """Maps that must be converted are fused in blocks of rows."""
    monkeypatch.setattr(pixel, "_BLOCK", 6)
    maps = np.random.default_rng(n).random((n, 2, 7, 3), np.float32).astype(float)
    planes = np.random.default_rng(n).random((n, 7, 3))
    for further in (None, planes):
        fused = fuse_maps(maps, method, pixel_weights=further)
        expected = each_pixel(maps, None, further, method, 0.25)
        assert_allclose(fused, expected, **WITHIN)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_negative_zero_is_zero(method, n):
    maps = [np.float32([[-0.0, 0.0, 0.5]])] * n
    for fused in (fuse_maps(maps, method), fuse_maps(iter(maps), method)):
        assert_allclose(fused, [[0, 0, 0.5]], **WITHIN)
        assert not np.signbit(fused).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_weight_per_pixel_of_zero_leaves_the_model_out_there(method):
    a, b = np.float32([[0.25, 0.25]]), np.float32([[0.75, 0.75]])
    fused = fuse_maps([a, b], method, pixel_weights=[[[1, 0]], [[0, 1]]])
    assert_allclose(fused, [[0.25, 0.75]], **WITHIN)


def test_bool_and_integers_of_0_and_1_are_probabilities():
    assert_array_equal(fuse_maps([np.array([[True, False]]), np.array([[0, 0]])]), [[0.5, 0]])


def test_hand_made_values():
    maps = [[[0.1]], [[0.2]], [[0.9]]]
    expected = {
        "mean": 0.4,
        "geometric": (0.1 * 0.2 * 0.9) ** (1 / 3),
        "logit": 1 / (1 + ((0.9 * 0.8 * 0.1) / (0.1 * 0.2 * 0.9)) ** (1 / 3)),
        "max": 0.9,
        "min": 0.1,
        "median": 0.2,
        "trimmed": (0.25 * 0.1 + 0.2 + 0.25 * 0.9) / 1.5,
    }
    for method, value in expected.items():
        assert fuse_maps(maps, method)[0, 0] == pytest.approx(value, abs=1e-5)
    assert fuse_maps(maps, "median", [1, 1, 2])[0, 0] == pytest.approx((0.2 + 0.9) / 2)
    assert fuse_maps(maps, "median", [1, 1, 3])[0, 0] == np.float32(0.9)
    assert fuse_maps([[[0.0]], [[1.0]]], "geometric")[0, 0] == 0
    assert fuse_maps([[[0.0]], [[1.0]]], "logit")[0, 0] == pytest.approx(0.5)


def test_maps_of_other_sizes_only_when_asked():
    small, large = np.float32([[0, 1]]), np.full((2, 4), 0.5, np.float32)
    with pytest.raises(ValueError, match=r"maps\[1\] has the shape \(2, 4\), .* resample=True"):
        fuse_maps([small, large])
    fused = fuse_maps([large, small], resample=True)
    assert fused.shape == (2, 4)
    assert_allclose(fused[0], [0.25, 0.375, 0.625, 0.75])
    assert_allclose(fuse_maps([small, large], resample=True), [[0.25, 0.75]])
    assert_allclose(fuse_maps(iter([small, large]), resample=True), [[0.25, 0.75]])
    # Two kernels of two shapes: the pixel weights go with their map.
    half = fuse_maps([large, small], "max", None, [np.zeros((2, 4)), [[1, 1]]], resample=True)
    assert_allclose(half[0], [0, 0.25, 0.75, 1])


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), methods)
def test_resampled_values_stay_in_range(h, w, h2, w2, method):
    rng = np.random.default_rng(h * 1000 + w * 100 + h2 * 10 + w2)
    maps = [rng.random((2, h, w)), rng.random((2, h2, w2)).round()]
    fused = fuse_maps(maps, method, resample=True)
    assert fused.shape == (2, h, w)
    assert (fused >= 0).all()
    assert (fused <= 1).all()


def test_only_one_map_is_in_memory():
    alive = weakref.WeakSet()

    class Tracked(np.ndarray):
        pass

    def maps():
        for i in range(5):
            gc.collect()
            assert not alive, "the map before is still in memory"
            one = np.full((3, 3), i / 5, np.float32).view(Tracked)
            alive.add(TrackedKey(one))
            yield one
            del one

    class TrackedKey:
        """Lives as long as the array it is attached to."""

        def __init__(self, array):
            array.key = self

    for method in STREAMED:
        fuse_maps(maps(), method)


# ----------------------------------------------------------------------------------------- errors

OK = np.full((2, 3), 0.5, np.float32)


def with_value(value, at=(1, 2), dtype=np.float64):
    array = OK.astype(dtype)
    array[at] = value
    return array


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("before", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (with_value(np.nan), r"got nan at \(1, 2\); replace NaN"),
        (with_value(np.inf), r"got inf at \(1, 2\); replace NaN and infinite"),
        (with_value(-np.inf), r"got -inf at \(1, 2\)"),
        (with_value(1.5), r"got 1.5 at \(1, 2\); rescale"),
        (with_value(-1e-3), r"got -0.001 at \(1, 2\)"),
        (with_value(1e300), r"got 1e\+300 at \(1, 2\)"),
        (with_value(-3) + with_value(3, (0, 0)) - OK, r"got 3 at \(0, 0\); apply a sigmoid"),
        (with_value(200, dtype=np.uint8), "got 200 at .* divide by 255"),
    ],
)  # fmt: skip
def test_values_outside_the_range(method, before, bad, words):
    maps = [OK] * before + [bad] + [OK]
    for form in (maps, iter(maps)):
        with pytest.raises(ValueError, match=rf"maps\[{before}\] must lie in \[0, 1\], {words}"):
            fuse_maps(form, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ([], "there are no maps to fuse"),
        ([OK, OK.T], r"maps\[1\] has the shape \(3, 2\), the first map \(2, 3\)"),
        ([OK, OK[np.newaxis]], r"maps\[1\] has the shape \(1, 2, 3\)"),
        ([OK, OK[0]], r"maps\[1\] must be a map \(H, W\) .* got shape \(3,\)"),
        ([OK[:, :0]], r"maps\[0\] .* at least one pixel, got shape \(2, 0\)"),
        ([OK[None, None]], r"maps\[0\] must be a map \(H, W\) or maps \(C, H, W\)"),
    ],
)  # fmt: skip
def test_shapes(method, maps, words):
    for form in (maps, iter(maps)):
        with pytest.raises(ValueError, match=words):
            fuse_maps(form, method)


def test_channels_are_never_resampled():
    with pytest.raises(ValueError, match="the number of channels must agree"):
        fuse_maps([OK[np.newaxis], np.stack([OK, OK])], resample=True)


def test_resampling_does_not_hide_bad_values():
    for bad in (np.nan, 1.5):
        with pytest.raises(ValueError, match=r"maps\[1\] must lie in \[0, 1\], got"):
            fuse_maps([OK, np.full((1, 1), bad)], resample=True)


@pytest.mark.parametrize("bad", [OK.astype(complex), np.full((2, 3), "a"), OK.astype(object)])
def test_other_dtypes(bad):
    for form in ([OK, bad], iter([OK, bad])):
        with pytest.raises(TypeError, match=r"maps\[1\] must hold real numbers, got dtype"):
            fuse_maps(form)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1], r"weights must hold one.* for each"),
        ([1, 1, 1], r"weights must hold one.* for each of 2 maps, got"),
        ([1, -1], r"weights\[1\] must be a finite number of 0 or more, got -1"),
        ([np.nan, 1], r"weights\[0\] must be a finite number of 0 or more, got nan"),
        ([1, np.inf], r"weights\[1\] must be a finite number of 0 or more, got inf"),
        ([1, "a"], r"weights\[1\] must be a finite number of 0 or more, got 'a'"),
        ([1, None], r"weights\[1\] must be a finite number of 0 or more, got None"),
        ([0, 0], "weights are all 0|no map has weight at 6 of 6 pixels"),
    ],
)
def test_weights(method, stream, weights, words):
    with pytest.raises(ValueError, match=words):
        fuse_maps(iter([OK, OK]) if stream else [OK, OK], method, weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("planes", "words"),
    [
        ([None], "pixel_weights must hold one.* for each"),
        ([None, None, None], "pixel_weights must hold one.* for each of 2 maps"),
        ([None, OK.T], r"pixel_weights\[1\] must have the shape \(2, 3\) of its map, got \(3, 2\)"),
        ([with_value(-1), None], r"pixel_weights\[0\] must be finite and 0 or more, got -1 at"),
        ([None, with_value(np.nan)], r"pixel_weights\[1\] .* got nan at \(1, 2\)"),
        ([None, with_value(np.inf)], r"pixel_weights\[1\] .* got inf at \(1, 2\)"),
        ([with_value(0), with_value(0)], r"no map has weight at 1 of 6 pixels, the first .*\(1, 2"),
    ],
)
def test_pixel_weights(method, stream, planes, words):
    with pytest.raises(ValueError, match=words):
        fuse_maps(iter([OK, OK]) if stream else [OK, OK], method, None, planes)


def test_weights_too_large_for_their_sum():
    fused = MeanAccumulator()
    for _ in range(2):
        fused.add(OK, 1.5e308)
    with pytest.raises(ValueError, match="weights add up to more than a float64 holds"):
        fused.result()


@pytest.mark.parametrize("trim", [-0.1, 0.6, np.nan])
def test_trim(trim):
    with pytest.raises(ValueError, match=r"trim must be a share from 0 to 0.5, got"):
        fuse_maps([OK], "trimmed", trim=trim)


def test_methods():
    with pytest.raises(ValueError, match=r"method must be one of mean, .*trimmed, got 'average'"):
        fuse_maps([OK], "average")
    with pytest.raises(
        ValueError, match=r"method must be one of .* to take maps singly, got 'median"
    ):
        MeanAccumulator("median")


def test_nothing_is_added_by_a_call_that_fails():
    fused = MeanAccumulator()
    with pytest.raises(ValueError, match="there are no maps to fuse; add one"):
        fused.result()
    fused.add(OK)
    for bad in ({"probabilities": OK * 3}, {"probabilities": OK, "weight": -1},
                {"probabilities": OK, "pixel_weights": OK.T}, {"probabilities": OK.T}):  # fmt: skip
        with pytest.raises(ValueError, match=r"must|shape"):
            fused.add(**bad)
    assert fused.count == 1
    assert_array_equal(fused.result(), OK)
