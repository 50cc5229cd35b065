import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.clean import holes as naive_holes
from naive.clean import pieces as naive_pieces
from numpy.testing import assert_array_equal
from strategies import instance_sets, label_images

from nucfuse.data.clean_truth import clean_truth, find_flaws
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import self_overlaps


def labels_of(*rows):
    return np.array([[int(c) for c in row.replace(".", "0")] for row in rows])


@given(instance_sets())
def test_flaws_match_naive(nuclei):
    with_holes, in_pieces = find_flaws(nuclei)
    masks = nuclei.to_masks()
    assert with_holes.tolist() == [len(naive_holes(mask)) > 0 for mask in masks]
    assert in_pieces.tolist() == [len(naive_pieces(mask)) > 1 for mask in masks]


@given(instance_sets())
def test_leaving_out_is_choosing(nuclei):
    cleaned = clean_truth(nuclei, holes="exclude", pieces="exclude")
    flawed = cleaned.with_holes | cleaned.in_pieces
    assert cleaned.masks == nuclei[~flawed]
    assert cleaned.excluded == nuclei[flawed]


@given(instance_sets())
def test_keeping_changes_nothing(nuclei):
    cleaned = clean_truth(nuclei, holes="keep", pieces="keep")
    assert cleaned.masks == nuclei
    assert len(cleaned.excluded) == 0


@given(label_images(dtypes=("i4",), largest_id=9))
def test_laws_of_mending(labels):
    before = labels.copy()
    labels = np.maximum(labels, 0)
    nuclei = Instances.from_labels(labels)
    cleaned = clean_truth(labels)
    assert len(cleaned.masks) == len(nuclei)
    assert len(cleaned.excluded) == 0
    assert self_overlaps(cleaned.masks)[2].size == 0
    assert not find_flaws(cleaned.masks)[1].any()
    sound = ~(cleaned.with_holes | cleaned.in_pieces)
    assert cleaned.masks[sound] == nuclei[sound]
    # What is left of holes is other nuclei's.
    canvas = cleaned.masks.to_labels()
    for mask in cleaned.masks.to_masks():
        for hole in naive_holes(mask):
            assert any(canvas[pixel] for pixel in hole)
    assert_array_equal(labels, np.maximum(before, 0))


@given(instance_sets(), st.sampled_from(["fill", "exclude"]))
def test_scores_sources_and_classes_are_kept(nuclei, holes):
    cleaned = clean_truth(nuclei, holes=holes)
    stay = ~cleaned.with_holes if holes == "exclude" else np.ones(len(nuclei), bool)
    assert_array_equal(cleaned.masks.scores, nuclei.scores[stay])
    assert_array_equal(cleaned.masks.sources, nuclei.sources[stay])
    assert cleaned.masks.source_names == nuclei.source_names
    if nuclei.classes is not None:
        assert_array_equal(cleaned.masks.classes, nuclei.classes[stay])


def test_holes_do_not_take_other_nuclei():
    image = labels_of("11111", "12.11", "1..11", "11111")
    cleaned = clean_truth(image)
    assert_array_equal(cleaned.masks.to_labels(), labels_of("11111", "12111", "11111", "11111"))


def test_the_island_in_a_hole_goes_with_the_hole():
    image = labels_of("11111", "1...1", "1.1.1", "1...1", "11111")
    cleaned = clean_truth(image)
    assert cleaned.with_holes.all() and cleaned.in_pieces.all()
    assert cleaned.masks.areas.tolist() == [25]
    assert clean_truth(image, holes="keep").masks.areas.tolist() == [16]
    assert clean_truth(image, pieces="keep").masks.areas.tolist() == [25]


def test_a_stray_piece_of_another_nucleus_goes_with_the_hole():
    image = labels_of("1111.2", "1..1.2", "1.21.2", "1111.2")
    for labels in (image, np.where(image > 0, 3 - image, 0)):
        assert sorted(clean_truth(labels).masks.areas.tolist()) == [4, 16]


def test_of_two_rings_the_inner_one_is_filled_first():
    image = labels_of("1111111", "1.....1", "1.222.1", "1.2.2.1", "1.222.1", "1.....1", "1111111")
    for labels in (image, np.where(image > 0, 3 - image, 0)):
        cleaned = clean_truth(labels)
        assert sorted(cleaned.masks.areas.tolist()) == [9, 40]
        assert not find_flaws(cleaned.masks)[1].any()


def test_an_image_without_nuclei():
    cleaned = clean_truth(np.zeros((4, 5), int))
    assert len(cleaned.masks) == len(cleaned.excluded) == cleaned.with_holes.size == 0
    assert str(cleaned) == "0 masks: 0 with holes, 0 in several pieces, 0 left out"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"holes": "mend"}, "holes must be one of fill, exclude, keep, got 'mend'"),
        ({"pieces": "split"}, "pieces must be one of largest, exclude, keep, got 'split'"),
    ],
)
def test_unknown_words_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        clean_truth(np.zeros((4, 5), int), **settings)
