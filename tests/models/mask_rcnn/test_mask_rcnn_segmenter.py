"""Mask R-CNNs as models, by a network that knows what is so: scales, tiles, views, ensembles."""

import json

import numpy as np
import pytest
from attrs import asdict
from made_mask_rcnn import TINY, Knowing
from made_networks import discs

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.metrics.scoring import score_images
from nucfuse.models.files.read_card import read_card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn import segmenter
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.segmenter import MaskRCNNSegmenter
from nucfuse.models.segmenter import Segmenter

CENTRES = [(20, 20), (45, 60), (20, 75)]
IMAGE = discs((70, 90), CENTRES, 9)
TRUTH = Instances.from_labels(sum(
    k * (discs((70, 90), [centre], 9)[..., 0] > 100) for k, centre in enumerate(CENTRES, start=1)
))  # fmt: skip


def write_card(folder, name="knows", **entries):
    """A card without files; its networks are `Knowing`."""
    card = {
        "format": 1, "name": name, "kind": "mask_rcnn", "network": asdict(TINY),
        "input": "neutral", "stride": 32, "diameter": [8, 40], "files": {}, **entries,
    }  # fmt: skip
    path = folder / f"{name}.json"
    path.write_text(json.dumps(card))
    return path


@pytest.fixture
def networks(monkeypatch):
    """All that are made."""
    made = []

    def graphs(card, threads):
        made.append(Knowing(card, MaskRCNNConfig(**card.network)))
        return made[-1]

    monkeypatch.setattr(segmenter, "Graphs", graphs)
    return made


def model(folder, *, name="knows", entries=None, **settings):
    card = read_card(write_card(folder, name, **(entries or {})))
    return MaskRCNNSegmenter([card], name, Inference(**settings))


def masks_of(nuclei):
    return sorted(nuclei.to_rle())


def test_it_finds_what_is_there(networks, tmp_path):
    found = model(tmp_path).predict(IMAGE)
    assert isinstance(model(tmp_path), Segmenter)
    assert masks_of(found) == masks_of(TRUTH)
    assert found.disjoint
    assert found.source_names == ("knows",)
    assert found.classes is None
    assert networks[0].sizes == [(96, 96)]  # once, mirrored to whole strides


@pytest.mark.parametrize(("end", "name"), [(0, "probs of the box head"), (2, "masks")])
@pytest.mark.parametrize("value", [np.nan, 1.5])
def test_a_network_without_probabilities_is_an_error(networks, tmp_path, end, name, value):
    segmenter = model(tmp_path)
    right = networks[0].heads

    def wrong(arrays):
        outputs = list(right(arrays))
        outputs[end] = np.full_like(outputs[end], value)
        return outputs

    networks[0].heads = wrong
    with pytest.raises(DataError, match=rf"knows.json: on this image {name} must lie in \[0, 1\]"):
        segmenter.predict(IMAGE)


@pytest.mark.parametrize("image", [np.zeros((40, 50, 3)), np.full((33, 7), 200)], ids=str)
def test_where_nothing_is_nothing_is_found(networks, tmp_path, image):
    for settings in ({}, {"tta": True}, {"tile": 32}):
        found = model(tmp_path, **settings).predict(image.astype(np.uint8))
        assert len(found) == 0
        assert found.shape == image.shape[:2]


def test_nuclei_of_other_sizes_are_brought_to_those_it_knows(networks, tmp_path):
    large, small = discs((200, 240), [(60, 60), (130, 170)], 40), discs((40, 60), [(20, 20)], 2)
    known = {"diameter": [15, 20]}
    model(tmp_path, entries=known).predict(large)
    model(tmp_path, entries=known).predict(small)
    first, second = (network.sizes for network in networks if network.sizes)
    assert first == [(224, 256), (64, 64)]  # 81 pixels become 20: 200 x 240 becomes 49 x 59
    assert second[0] == (64, 64)
    assert second[1][0] > 64  # 4 pixels become 15, at most four times as many
    found = model(tmp_path, entries=known).predict(large)
    truth = (large[..., 0] > 100).astype(np.int32)
    truth[:, :115] *= 2
    assert score_images(truth, found).dsb_ap > 0.8


def test_a_diameter_that_is_given_is_not_measured(networks, tmp_path):
    model(tmp_path, diameter=80).predict(IMAGE)
    model(tmp_path, diameter="native").predict(IMAGE)
    sizes = [network.sizes for network in networks if network.sizes]
    assert sizes == [[(64, 64)], [(96, 96)]]  # halved; as it is


@pytest.mark.parametrize("settings", [{"tta": True}, {"tile": 64}, {"tta": True, "tile": 64}])
def test_views_and_tiles_of_a_network_that_knows_change_nothing(networks, tmp_path, settings):
    image = discs((100, 150), [(28 + 22 * r, 12 + 23 * c) for r in range(3) for c in range(6)], 9)
    many = {"network": {**asdict(TINY), "test_proposals": 60}}
    plain = model(tmp_path, entries=many, diameter="native").predict(image)
    assert len(plain) == 18
    other = model(tmp_path, entries=many, diameter="native", **settings)
    found = other.predict(image)
    assert masks_of(found) == masks_of(plain)
    n_views, n_tiles = 8 if "tta" in settings else 1, 12 if "tile" in settings else 1
    assert len(networks[-1].sizes) == n_views * n_tiles


def test_scales_are_voted_on(networks, tmp_path):
    found = model(tmp_path, diameter="native", scales=(1.0, 2.0)).predict(IMAGE)
    assert networks[-1].sizes == [(96, 96), (160, 192)]
    assert score_images(TRUTH, found).dsb_ap > 0.9


def test_images_of_one_size_are_padded_to_a_square(networks, tmp_path):
    config = {**asdict(TINY), "size": 128}
    found = model(tmp_path, entries={"network": config, "diameter": None}).predict(IMAGE)
    assert networks[-1].sizes == [(128, 128)]
    assert score_images(TRUTH, found).dsb_ap > 0.9
    assert networks[-1].sizes == [(128, 128)]
    model(tmp_path, entries={"network": config}, resize=0, diameter="native").predict(IMAGE)
    assert networks[-1].sizes == [(96, 96)]


def test_several_networks_are_voted_on(networks, tmp_path):
    cards = [read_card(write_card(tmp_path, name)) for name in "abc"]
    both = MaskRCNNSegmenter(cards, "all", Inference())
    networks[2].features = lambda arrays: Knowing.features(networks[2], [0 * arrays[0]])
    found = both.predict(IMAGE)
    assert masks_of(found) == masks_of(TRUTH)
    np.testing.assert_allclose(found.scores, 0.9 * 2 / 3, rtol=1e-6)  # two of three see them
    assert [card["name"] for card in both.describe()["cards"]] == ["a", "b", "c"]


def test_views_that_vote_are_heard_when_they_are_less_sure(networks, tmp_path):
    """A probability of 0.6 is too low for one view, not for eight that agree."""

    def unsure(network):
        def heads(arrays):
            probs, deltas, masks = Knowing.heads(network, arrays)
            return np.where(probs > 0.5, np.float32(0.6), np.float32(0.4)), deltas, masks

        return heads

    for settings, n in (({}, 0), ({"tta": True}, 3), ({"scales": (1.0, 1.1)}, 3)):
        one = model(tmp_path, diameter="native", **settings)
        networks[-1].heads = unsure(networks[-1])
        assert len(one.predict(IMAGE)) == n


def test_the_card_says_which_nuclei_stay(networks, tmp_path):
    image = IMAGE.copy()
    image[60:63, 5:8] = 220
    assert len(model(tmp_path, diameter="native").predict(image)) == 4
    choosy = model(tmp_path, entries={"select": {"speck": 12}}, diameter="native")
    assert masks_of(choosy.predict(image)) == masks_of(TRUTH)


def test_overlaps_go_to_the_higher_score(networks, tmp_path, monkeypatch):
    def twice(self, arrays):
        probs, deltas, masks = Knowing.heads(self, arrays)
        return probs, deltas, np.ones_like(masks)  # boxes: those of touching discs overlap

    found = model(tmp_path)
    networks[-1].heads = lambda arrays: twice(networks[-1], arrays)
    image = discs((64, 64), [(20, 20), (33, 33)], 9)
    assert found.predict(image).disjoint


def test_more_than_the_maximum_is_cut_by_score(networks, tmp_path):
    few = {"network": {**asdict(TINY), "max_instances": 2}}
    image = discs((64, 96), CENTRES, 9)
    assert len(model(tmp_path, entries=few, diameter="native").predict(image)) == 2


def test_large_images_have_room_for_more_proposals(networks, tmp_path):
    centres = [(30 + 60 * r, 30 + 60 * c) for r in range(10) for c in range(10)]
    image = discs((640, 640), centres, 12)
    proposals = {"test_proposals": 70, "pre_nms": 70}
    entries = {"network": {**asdict(TINY), **proposals}}
    found = model(tmp_path, entries=entries, diameter="native").predict(image)
    assert len(found) == 100  # 70 would be for 512 x 512


def test_what_it_depends_on_is_described(networks, tmp_path):
    one, other = model(tmp_path), model(tmp_path, tta=True)
    assert one.describe() != other.describe()
    assert json.loads(json.dumps(one.describe()))["cards"][0]["name"] == "knows"
