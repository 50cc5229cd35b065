from typing import get_args

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from naive import maps as naive
from numpy.testing import assert_allclose, assert_array_equal
from skimage.measure import label
from skimage.morphology import local_maxima, reconstruction

from nucfuse.clean.kernels import peaks as kernels
from nucfuse.clean.splitting import SETTINGS, Method, in_order, split, split_labels
from nucfuse.settings import describe

METHODS = get_args(Method)
ALL = [setting for kind in SETTINGS.values() for setting in describe(kind)]
probabilities = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1, width=32)
sides = st.integers(1, 7)


def ranges(method):
    """Default, lowest and highest value of each setting of a method."""
    checks = {f.name: (f.default, f.metadata["check"]) for f in attrs.fields(SETTINGS[method])}
    return {name: (default, check.low, check.high) for name, (default, check) in checks.items()}


@st.composite
def cases(draw, methods=METHODS):
    """(maps (3, H, W), method, parameters in their ranges)."""
    shape = (3, draw(sides), draw(sides))
    smooth = draw(st.booleans())
    maps = draw(arrays(np.float32, shape, elements=probabilities))
    if smooth:
        maps = (maps + np.roll(maps, 1, axis=1) + np.roll(maps, 1, axis=2)) / np.float32(3)
    method = draw(st.sampled_from(methods))
    given_ones = {
        name: draw(
            st.integers(low, high) if isinstance(default, int) else st.floats(low, high, width=32)
        )
        for name, (default, low, high) in ranges(method).items()
        if draw(st.booleans())
    }
    if method == "hysteresis":
        given_ones["high"] = max(given_ones.get("high", 0.75), given_ones.get("threshold", 0.5))
    return maps, method, given_ones


def value_of(name, given_ones):
    return given_ones.get(name, next(s.default for s in ALL if s.name == name))


def sets_of(labels):
    """Nuclei as sets of pixels, in the order of their ids."""
    return [set(zip(*np.nonzero(labels == i), strict=True)) for i in range(1, labels.max() + 1)]


@given(cases(methods=("threshold", "hysteresis")))
def test_components_match_naive(case):
    maps, method, given_ones = case
    mask = maps[0] > np.float32(value_of("threshold", given_ones))
    expected = naive.components(mask, value_of("connectivity", given_ones))
    if method == "hysteresis":
        rises = maps[0] > np.float32(value_of("high", given_ones))
        expected = [piece for piece in expected if any(rises[at] for at in piece)]
    assert sets_of(split_labels(maps, method, **given_ones)) == expected


@given(
    st.tuples(sides, sides), st.data(), st.booleans(),
    st.sampled_from([0.0, 1.0, 2.0, 3.0]),
)  # fmt: skip
def test_peaks_are_the_h_maxima(shape, data, diagonal, depth):
    """Of whole numbers, so that scikit-image's differences are exact."""
    values = data.draw(arrays(np.float32, shape, elements=st.integers(0, 6).map(float)))
    order = np.argsort(-values.ravel(), kind="stable")
    found = order[kernels.peak_depths(values.ravel(), order, shape[1], diagonal) > depth]
    # Half more, as ours are deeper than that; a frame, as a constant image has no maximum there.
    framed = np.pad(values, 1, constant_values=-20)
    touching = np.ones((3, 3)) if diagonal else np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    levelled = reconstruction(framed - depth - 0.5, framed, footprint=touching)
    maxima = local_maxima(levelled, footprint=touching)[1:-1, 1:-1]
    expected = label(maxima, connectivity=1 + diagonal)
    assert sorted(expected.ravel()[found]) == list(range(1, expected.max() + 1))


@given(st.tuples(sides, sides), st.data(), st.floats(0, 9))
def test_spaced_peaks(shape, data, distance):
    components = data.draw(arrays(np.int32, shape, elements=st.integers(1, 2)))
    positions = np.array(data.draw(st.permutations(range(shape[0] * shape[1]))))
    kept = kernels.spaced(positions, components, distance)
    accepted = []
    for position, keep in zip(positions.tolist(), kept, strict=True):
        y, x = divmod(position, shape[1])
        free = all(
            (y - v) ** 2 + (x - u) ** 2 > distance * distance
            or components[y, x] != components[v, u]
            for v, u in accepted
        )
        assert keep == free
        if free:
            accepted.append((y, x))


# ------------------------------------------------------------------------------------------- laws


@given(cases())
def test_labels_are_sequential_and_fill_the_mask(case):
    maps, method, given_ones = case
    before = maps.copy()
    labels = split_labels(maps, method, **given_ones)
    mask = maps[0] > np.float32(value_of("threshold", given_ones))
    assert labels.dtype == np.int32
    assert labels.shape == mask.shape
    assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))
    if method == "hysteresis":
        assert not (labels > 0)[~mask].any()
    else:
        assert_array_equal(labels > 0, mask)
    assert_array_equal(in_order(labels), labels)
    assert_array_equal(maps, before)


@given(cases())
def test_each_nucleus_is_connected_and_within_one_object(case):
    maps, method, given_ones = case
    connectivity = value_of("connectivity", given_ones)
    labels = split_labels(maps, method, **given_ones)
    objects = split_labels(
        maps, "threshold", threshold=value_of("threshold", given_ones), connectivity=connectivity
    )
    for piece in sets_of(labels):
        mask = np.zeros(labels.shape, bool)
        mask[tuple(zip(*piece, strict=True))] = True
        assert len(naive.components(mask, connectivity)) == 1
        assert len({objects[at] for at in piece}) == 1


@given(cases())
def test_scores_are_mean_probabilities(case):
    maps, method, given_ones = case
    nuclei = split(maps, method, source="unet", **given_ones)
    labels = split_labels(maps, method, **given_ones)
    assert_array_equal(nuclei.to_labels(), labels)
    assert nuclei.disjoint
    assert nuclei.source_names == ("unet",)
    means = [maps[0][labels == i].mean(dtype=float) for i in range(1, labels.max() + 1)]
    assert_allclose(nuclei.scores, means, rtol=1e-6)


@given(cases(methods=("hmaxima",)))
def test_no_valley_is_as_deep_as_one(case):
    maps, method, given_ones = case
    own = {k: v for k, v in given_ones.items() if k in ("threshold", "connectivity")}
    cut = split_labels(maps, method, **{**given_ones, "height": 1.0})
    assert_array_equal(cut, split_labels(maps, "threshold", **own))


# ------------------------------------------------------------------------------------------ edges


def discs(centres, radius, shape=(40, 60)):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return [(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in centres]


def test_touching_discs_are_cut_in_the_middle():
    left, right = discs([(20, 20), (20, 34)], 9)
    nucleus = np.where(left | right, 0.9, 0.1)
    assert split_labels(nucleus, "threshold").max() == 1
    for parameters in ({}, {"depth": 0.1}, {"peak_distance": 0.0, "depth": 0.1}):
        labels = split_labels(nucleus, "watershed", **parameters)
        assert labels.max() == 2
        assert (labels[:, :26][left[:, :26]] == 1).all()
        assert (labels[:, 29:][right[:, 29:]] == 2).all()
    assert split_labels(nucleus, "watershed", depth=2.0).max() == 1
    assert split_labels(nucleus, "watershed", peak_distance=5.0).max() == 1


def test_hmaxima_follow_the_probability():
    left, right = discs([(20, 20), (20, 34)], 9)
    nucleus = np.where(left | right, 0.7, 0.0)
    nucleus[:, 10:20] += 0.2 * left[:, 10:20]
    nucleus[:, 34:44] += 0.2 * right[:, 34:44]
    assert split_labels(nucleus, "hmaxima", smoothing=0, peak_distance=0).max() == 2
    assert split_labels(nucleus, "hmaxima", smoothing=0, height=0.3).max() == 1


def test_interior_and_border():
    nucleus = np.zeros((5, 9))
    nucleus[1:4, 1:8] = 0.9
    border = np.zeros((5, 9))
    border[:, 4] = 1.0
    labels = split_labels([nucleus, border], "interior")
    assert labels.max() == 2
    assert_array_equal(labels > 0, nucleus > 0.5)
    # A third channel is the interior itself; where it has no seed, an object stays whole.
    assert split_labels([nucleus, border, np.zeros((5, 9))], "interior").max() == 1
    assert split_labels([nucleus, border, nucleus], "interior").max() == 2
    assert split_labels([nucleus, border], "interior", margin=1.0).max() == 1


def test_tiny_seeds_do_not_cut():
    nucleus = np.full((9, 30), 0.9)
    border = np.zeros((9, 30))
    border[:, 10] = border[:, 20] = 1
    border[2:5, 2:5] = 1
    border[3, 3] = 0  # one pixel of noise
    assert split_labels([nucleus, border], "interior").max() == 3
    assert split_labels([nucleus, border], "interior", seed_share=0).max() == 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (12, 15)])
@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (0.5, 0), (0.9, 1), (1.0, 1)])
def test_constant_maps(method, shape, value, expected):
    maps = np.zeros((2, *shape))
    maps[0] = value
    labels = split_labels(maps, method)
    assert_array_equal(labels, np.full(shape, expected))
    assert len(split(maps, method)) == expected


def test_small_object_beside_a_large_one_keeps_its_nucleus():
    nucleus = np.zeros((30, 40))
    nucleus[:, :25] = 1
    nucleus[15, 26] = 1
    for method in ("watershed", "hmaxima"):
        assert split_labels(nucleus, method, peak_distance=5.0).max() == 2


def test_large_radii_are_smoothed_quickly():
    nucleus = np.full((150, 150), 0.9)
    assert split_labels(nucleus, "watershed", smoothing=2.0).max() == 1


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float16, np.float64, ">f4"])
def test_other_dtypes(dtype):
    assert_array_equal(
        split_labels(np.eye(3).astype(dtype), "threshold", connectivity=2), np.eye(3)
    )


# ----------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (np.full((2, 2), np.nan), r"probabilities must lie in \[0, 1\], got nan at \(0, 0\)"),
        ([[0.5, 1.5]], r"got 1.5 at \(0, 1\); rescale"),
        ([[-4.0, 3.0]], "apply a sigmoid"),
        (np.zeros(3), r"must be a map \(H, W\) or maps \(C, H, W\) .* got shape \(3,\)"),
        (np.zeros((0, 3)), "at least one pixel"),
    ],
)
@pytest.mark.parametrize("function", [split, split_labels])
def test_bad_maps(function, maps, words):
    with pytest.raises(ValueError, match=words):
        function(maps)


def test_maps_of_no_numbers():
    with pytest.raises(TypeError, match="probabilities must hold real numbers, got dtype complex"):
        split_labels(np.zeros((2, 2), complex))


def test_bad_methods_and_channels():
    with pytest.raises(ValueError, match=r"method must be one of threshold, .*, got 'otsu'"):
        split_labels([[0.5]], "otsu")
    for maps in ([[0.9]], [[[0.9]]]):
        with pytest.raises(ValueError, match="'interior' needs the channels nucleus and border"):
            split_labels(maps, "interior")
    with pytest.raises(ValueError, match=r"high must be at least threshold \(0.9\), got 0.75"):
        split_labels([[1.0]], "hysteresis", threshold=0.9)


@pytest.mark.parametrize("method", METHODS)
def test_every_setting_is_checked(method):
    for name, (_, low, high) in ranges(method).items():
        for bad in (low - 0.01, high + 0.01, np.nan, "a", None):
            with pytest.raises(ValueError, match=rf"{name} must be a .*\[.*\], got"):
                split_labels([[0.9]], method, **{name: bad})
    with pytest.raises(
        ValueError, match=r"splitting by '.*' has no setting 'sigma'; there are: threshold, connec"
    ):
        split_labels([[0.9]], method, sigma=1.0)


def test_a_setting_of_another_method_is_refused():
    with pytest.raises(ValueError, match="has no setting 'depth'"):
        split_labels([[0.9]], "threshold", depth=0.1)


def test_every_setting_is_described():
    assert set(SETTINGS) == set(METHODS)
    assert all(setting.what for setting in ALL)
