import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from naive import maps as naive
from naive.masks import label_areas
from numpy.testing import assert_array_equal
from strategies import instance_sets, label_images

from nucfuse.clean.objects import (
    Cleaning,
    clean_instances,
    clean_objects,
    clean_overlapping,
    median_area,
)
from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.masks.instances import Instances

OFF = {"speck": 0, "small": 0, "giant": np.inf, "hole": 0}

rules = st.fixed_dictionaries(
    {
        "speck": st.integers(0, 4),
        "small": st.sampled_from([0, 0.25, 0.5, 1]) | st.floats(0, 1),
        "giant": st.sampled_from([1, 1.5, 2, np.inf]) | st.floats(1, 8),
        "hole": st.sampled_from([0, 0.5, 1, 3, np.inf]),
    }
)
smoothing = st.fixed_dictionaries({"opening": st.floats(0, 1), "closing": st.floats(0, 1)})


def small_labels(largest=4):
    """Few ids on few pixels, so that there are rings, holes and pieces."""
    side = st.integers(1, 8)
    return arrays(
        np.int32, st.tuples(side, side), elements=st.integers(0, largest), fill=st.just(1)
    )


def renumbered(labels):
    """Sequential ids in the order of the ids."""
    ids = np.unique(labels)
    return np.searchsorted(ids[ids > 0], labels, side="right").astype(np.int32)


@given(small_labels() | small_labels(1), rules)
def test_matches_naive(labels, settings):
    expected = renumbered(np.array(naive.clean(labels, **settings), np.int32))
    assert_array_equal(clean_objects(labels, **settings), expected)


@given(label_images(), st.one_of(st.just({}), rules, smoothing))
def test_labels_are_sequential_and_the_input_stays(labels, settings):
    before = labels.copy()
    cleaned = clean_objects(labels, **settings)
    assert cleaned.dtype == np.int32
    assert cleaned.shape == labels.shape
    assert set(np.unique(cleaned)) - {0} == set(range(1, cleaned.max() + 1))
    assert_array_equal(labels, before)


@given(small_labels(), rules)
def test_twice_is_once(labels, settings):
    once = clean_objects(labels, **settings)
    assert_array_equal(clean_objects(once, **settings), once)


@given(small_labels())
def test_without_rules_nothing_changes(labels):
    assert_array_equal(clean_objects(labels, **OFF), renumbered(labels))


@given(small_labels(), rules)
def test_flipping_first_or_last(labels, settings):
    cleaned = clean_objects(labels, **settings)
    for flip in (np.fliplr, np.flipud, np.transpose):
        assert_array_equal(clean_objects(flip(labels), **settings), flip(cleaned))


@given(small_labels(), rules)
def test_nuclei_keep_their_pixels_unless_they_go(labels, settings):
    cleaned = clean_objects(labels, **settings)
    for i in range(1, cleaned.max() + 1):
        own = labels[cleaned == i][0]  # the first pixel is never in a hole
        assert own > 0
        assert (cleaned[labels == own] == i).all()


@given(small_labels(), smoothing)
def test_smoothing_neither_loses_nuclei_nor_touches_others(labels, settings):
    smoothed = clean_objects(labels, **OFF, **settings)
    before = renumbered(labels)
    assert smoothed.max() == before.max()
    taken = (smoothed > 0) & (before > 0)
    assert_array_equal(smoothed[taken], before[taken])


@given(st.data())
def test_instances_keep_what_belongs_to_them(data):
    overlapping = Instances.concatenate(
        [data.draw(instance_sets((7, 8), with_classes=True)) for _ in range(2)]
    )
    nuclei = remove_overlaps(overlapping)
    labels = nuclei.to_labels()
    if data.draw(st.booleans()):
        settings = data.draw(rules)
        old = np.array(sorted(label_areas(naive.clean(labels, **settings))), int) - 1
    else:
        settings = {**OFF, **data.draw(smoothing)}
        old = np.arange(len(nuclei))
    cleaned = clean_instances(nuclei, **settings)
    assert_array_equal(cleaned.to_labels(), clean_objects(labels, **settings))
    assert cleaned.source_names == nuclei.source_names
    assert_array_equal(cleaned.scores, nuclei.scores[old])
    assert_array_equal(cleaned.sources, nuclei.sources[old])
    assert_array_equal(cleaned.classes, nuclei.classes[old])


@given(instance_sets((5, 6)))
def test_instances_without_pixels_are_dropped(masks):
    nuclei = masks[:1]
    assert len(clean_instances(nuclei, **OFF)) == (nuclei.areas > 0).sum()


@given(small_labels(1), rules | smoothing, st.integers(1, 3))
def test_of_overlapping_masks_each_is_cleaned_as_if_it_were_alone(labels, settings, n):
    alone = clean_objects(labels, **settings) > 0
    masks = Instances.from_masks(np.repeat(labels[np.newaxis] > 0, n, axis=0))
    cleaned = clean_overlapping(masks, **settings)
    assert len(cleaned) == n * alone.any()
    for crop in cleaned.to_masks():
        assert_array_equal(crop, alone)


@given(instance_sets((7, 8), with_classes=True), rules)
def test_rules_of_overlapping_masks_look_at_all_areas(masks, settings):
    cleaned = clean_overlapping(masks, **{**settings, "hole": 0})
    kept = masks[masks.areas > 0]
    while len(kept):
        median = median_area(kept.areas, settings["speck"])
        good = kept.areas >= max(settings["speck"], settings["small"] * median)
        good &= (kept.areas <= settings["giant"] * median) | (median == 0)
        if good.all():
            break
        kept = kept[good]
    assert cleaned.to_rle() == kept.to_rle()
    for name in ("scores", "sources", "classes"):
        assert_array_equal(getattr(cleaned, name), getattr(kept, name))


# ------------------------------------------------------------------------------------------ edges


def squares(*sides, shape=(40, 60)):
    """Squares side by side along the second row, ids 1.. ."""
    labels = np.zeros(shape, np.int32)
    x = 1
    for i, side in enumerate(sides, start=1):
        labels[1 : 1 + side, x : x + side] = i
        x += side + 1
    return labels


def test_small_and_giant_ones_go_by_the_median_of_those_that_stay():
    labels = squares(6, 6, 6, 2, 1)  # areas 36, 36, 36, 4, 1
    assert clean_objects(labels, **{**OFF, "small": 0.2}).max() == 3
    assert clean_objects(labels, **{**OFF, "small": 0.1}).max() == 4
    assert clean_objects(labels, **{**OFF, "speck": 4}).max() == 4
    assert clean_objects(squares(3, 3, 12), **{**OFF, "giant": 16}).max() == 3
    assert clean_objects(squares(3, 3, 12), **{**OFF, "giant": 15}).max() == 2
    # Many specks make a small median; once they are gone, the next ones are too small as well.
    labels = squares(20, 20, 3, 1, 1, 1, 1)
    assert clean_objects(labels, **{**OFF, "small": 0.5, "speck": 2}).max() == 2


def test_holes():
    ring = np.zeros((9, 9), np.int32)
    ring[1:8, 1:8] = 1
    ring[3:5, 3:6] = 0
    assert (clean_objects(ring) == 1).sum() == 49
    assert (clean_objects(ring, hole=0.1) == 1).sum() == 43
    assert_array_equal(clean_objects(ring, hole=6 / 43), ring)  # not below, but equal
    between = ring.copy()
    between[1:8, 5:8] = 2  # now the hole lies between two
    assert_array_equal(clean_objects(between, hole=9), between)
    at_frame = ring[3:]
    assert_array_equal(clean_objects(at_frame, hole=9), at_frame)
    diagonal = ring.copy()
    diagonal[2, 2] = diagonal[1, 1] = 0  # a corner is no way out
    assert clean_objects(diagonal)[3, 3] == 1


def test_a_nucleus_in_a_hole_stays():
    labels = np.ones((20, 20), np.int32)
    labels[4:16, 4:16] = 0
    labels[6:14, 6:14] = 2
    assert_array_equal(clean_objects(labels, hole=np.inf), labels)


def test_smoothing_by_hand():
    labels = np.zeros((30, 30), np.int32)
    labels[5:20, 5:20] = 1
    spur, notch = labels.copy(), labels.copy()
    spur[12, 20:26] = 1
    notch[12, 15:20] = 0
    assert_array_equal(clean_objects(spur, opening=0.1), clean_objects(labels, opening=0.1))
    assert clean_objects(spur, opening=0.1)[12, 20:].sum() == 0
    assert (clean_objects(notch, closing=0.2)[12, 15:19] == 1).all()
    # What goes on beyond the frame is not rounded there.
    assert (clean_objects(labels[5:20, 5:20], opening=0.5) == 1).all()


def test_growth_stays_off_others_and_off_contested_ground():
    labels = np.zeros((30, 30), np.int32)
    labels[5:20, 5:20] = 1
    labels[12, 10:20] = 0
    labels[12, 12:16] = 2
    closed = clean_objects(labels, speck=0, small=0, closing=0.3)
    assert_array_equal(closed == 2, labels == 2)
    assert (closed[12, 10:12] == 1).all()


def test_opening_keeps_the_larger_piece_and_what_would_vanish():
    labels = np.zeros((40, 40), np.int32)
    labels[2:14, 2:14] = 1
    labels[8, 14:20] = 1
    labels[2:12, 20:28] = 1
    labels[30, 2:15] = 2
    opened = clean_objects(labels, small=0.0, opening=0.2)
    assert not opened[:, 14:].any() or opened[:, 20:].max() == 0
    assert_array_equal(opened == 2, labels == 2)


@pytest.mark.parametrize("settings", [{}, {"opening": 1.0, "closing": 1.0}, {"hole": np.inf}])
@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (6, 7)])
def test_empty_and_full_frames(settings, shape):
    assert_array_equal(clean_objects(np.zeros(shape, int), **settings), np.zeros(shape))
    kept = np.ones(shape) if np.prod(shape) >= 12 else np.zeros(shape)
    assert_array_equal(clean_objects(np.full(shape, 2**40), **settings), kept)
    assert len(clean_instances(Instances.empty(shape), **settings)) == 0


def test_median_area():
    assert median_area(np.array([5, 1, 9, 100]), 2) == 9
    assert median_area(np.array([5, 8]), 2) == 6.5
    assert median_area(np.array([0, 0]), 0) == 0


# ----------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("field", attrs.fields(Cleaning), ids=lambda f: f.name)
def test_every_setting_is_checked(field):
    for bad in (field.metadata["check"].low - 0.01, np.nan, "a", None):
        for function, nuclei in (
            (clean_objects, [[1]]),
            (clean_instances, Instances.empty((2, 2))),
        ):
            with pytest.raises(ValueError, match=rf"cleaning: {field.name} must be a .* got"):
                function(nuclei, **{field.name: bad})


def test_unknown_settings():
    with pytest.raises(
        ValueError, match="cleaning has no setting 'holes'; there are: speck, small, giant"
    ):
        clean_objects([[1]], holes=1)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([[-1]], "labels holds the negative id -1"),
        ([[0.5]], "labels must hold whole numbers"),
        (np.zeros((2, 2, 2), int), "labels must be a 2-D label image"),
    ],
)
def test_bad_labels(labels, words):
    with pytest.raises(ValueError, match=words):
        clean_objects(labels)


def test_overlapping_masks_are_refused():
    with pytest.raises(ValueError, match="pixels lie in more than one mask; remove overlaps first"):
        clean_instances(Instances.from_masks(np.ones((2, 3, 3))))
