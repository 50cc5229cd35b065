from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.data.splits import near_duplicates
from nucfuse.data.splits.near_duplicates import ImageRecord, image_record, near_duplicate_groups


@cache
def slide(seed, shape=(240, 320), n=240, ground=12, light=150):
    """A field of discs of several sizes and brightnesses, grey."""
    rng = np.random.default_rng(seed)
    image = np.full(shape, ground, np.float32)
    for peak in np.sort(rng.uniform(0.4, 1, n)):
        centre = rng.integers(0, shape[1]), rng.integers(0, shape[0])
        cv2.circle(image, centre, int(rng.integers(4, 10)), ground + peak * light, -1)
    image = cv2.GaussianBlur(image, (0, 0), 2) + rng.normal(0, 1, shape)
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def crops(image):
    """The four quarters."""
    y, x = image.shape[0] // 2, image.shape[1] // 2
    return [image[:y, :x], image[:y, x:], image[y:, :x], image[y:, x:]]


def records(images):
    return [image_record(name, image) for name, image in images.items()]


@pytest.fixture(scope="module")
def slides():
    """Eight slides in four crops each, and the records of these."""
    images = {}
    for s in range(8):
        images |= {f"{s}{k}": crop for k, crop in zip("abcd", crops(slide(s)), strict=True)}
    return images, records(images)


def test_crops_of_a_slide_are_together_and_slides_apart(slides):
    _, found = slides
    assert near_duplicate_groups(found) == [[f"{s}{k}" for k in "abcd"] for s in range(8)]


def test_groups_do_not_depend_on_the_order(slides):
    _, found = slides
    mixed = [found[i] for i in np.random.default_rng(1).permutation(len(found))]
    groups = near_duplicate_groups(mixed)
    assert sorted(map(sorted, groups)) == near_duplicate_groups(found)
    position = {record.image_id: i for i, record in enumerate(mixed)}
    places = [[position[i] for i in group] for group in groups]
    assert places == [sorted(place) for place in places]
    assert [place[0] for place in places] == sorted(place[0] for place in places)


def test_tiles_of_comparison_change_nothing(slides, monkeypatch):
    _, found = slides
    expected = near_duplicate_groups(found)
    monkeypatch.setattr(near_duplicates, "_TILE", 5)
    assert near_duplicate_groups(found) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
        lambda image: cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR),
        lambda image: (image * 0.8 + 10).astype(np.uint8),
        lambda image: cv2.GaussianBlur(image, (0, 0), 1),
        lambda image: image[1:, :-1],
    ],
    ids=["copy", "larger", "smaller", "jpeg", "light", "blur", "one pixel off"],
)
def test_changed_copies_are_near_duplicates(change):
    images = {str(s): slide(s) for s in range(6)}
    groups = near_duplicate_groups(records(images | {"copy": change(slide(3))}))
    assert groups == [["0"], ["1"], ["2"], ["3", "copy"], ["4"], ["5"]]


def test_a_neighbour_in_other_light_size_or_modality_is_none():
    left, right = slide(1)[:, :160], slide(1)[:, 160:]
    for other in (right // 2, right[:-1], 255 - right):
        assert len(near_duplicate_groups(records({"left": left, "right": other}))) == 2
    assert len(near_duplicate_groups(records({"left": left, "right": right}))) == 1


def test_empty_ground_is_no_neighbour():
    images = {str(s): slide(s, n=0) for s in range(6)}
    assert len(near_duplicate_groups(records(images))) == 6


def test_a_periodic_image_is_not_its_own_neighbour():
    tile = slide(0)
    assert near_duplicate_groups(records({"a": np.hstack([tile, tile])})) == [["a"]]


def test_only_the_best_fit_is_a_neighbour():
    image = slide(2)
    left, right = image[:, :160], image[:, 160:]
    worse = np.clip(right + np.random.default_rng(0).normal(0, 6, right.shape), 0, 255)
    worse = np.hstack([worse[:, :20], slide(5)[:, :140]]).astype(np.uint8)
    groups = near_duplicate_groups(records({"left": left, "worse": worse, "right": right}))
    assert groups == [["left", "right"], ["worse"]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5)])
@pytest.mark.parametrize("grey", [0, 7, 255])
def test_images_of_one_colour_are_alike(shape, grey):
    found = records({"a": np.full((*shape, 3), grey, np.uint8), "b": np.zeros((9, 9, 3), np.uint8)})
    assert found[0].hash == bytes(32)
    assert found[0].borders.shape == (4, 128)
    assert (found[0].borders == grey).all()
    assert near_duplicate_groups(found) == [["a", "b"]]


def test_borders_are_top_bottom_left_right():
    image = np.zeros((128, 128, 3), np.uint8)
    image[1:-1, 0], image[1:-1, -1], image[0], image[-1] = 3, 4, 1, 2
    borders = image_record("a", image).borders
    assert borders[:, 5].tolist() == [1, 2, 3, 4]
    assert borders[2:, [0, -1]].tolist() == [[1, 2], [1, 2]]


def _record(name, bits, length=255):
    hash = np.zeros(256, np.uint8)
    hash[list(bits)] = 1
    return ImageRecord(
        name, (9, 9), "fluorescence", np.packbits(hash).tobytes(), np.zeros((4, 128))
    )


@given(st.sets(st.integers(0, 254), max_size=90))
def test_hashes_are_near_up_to_the_limit_by_oracle(bits):
    groups = near_duplicate_groups([_record("a", []), _record("b", bits)])
    assert len(groups) == (1 if len(bits) <= near_duplicates.MAX_BITS else 2)


def test_nearness_is_passed_on():
    chain = [_record(str(k), range(30 * k)) for k in range(8)]
    assert near_duplicate_groups(chain) == [[str(k) for k in range(8)]]


def test_no_images_no_groups():
    assert near_duplicate_groups([]) == []


def test_an_image_twice_is_refused():
    with pytest.raises(ValueError, match="records must have each image once, got 'a' twice"):
        near_duplicate_groups([_record("a", []), _record("b", []), _record("a", [1])])


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"image must be RGB of shape \(H, W, 3\)"):
        image_record("a", np.zeros((5, 5), np.uint8))
    with pytest.raises(TypeError, match="image must be uint8"):
        image_record("a", np.zeros((5, 5, 3), np.uint16))
