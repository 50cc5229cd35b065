"""The two graphs of a card, run without TensorFlow, and all that can be wrong with them."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from attrs import asdict, evolve
from made_mask_rcnn import SURE, discs, made
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.errors import DataError
from nucfuse.models.files.initial_weights import load_weights
from nucfuse.models.files.read_card import read_card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn import segmenter
from nucfuse.models.mask_rcnn.export import export_mask_rcnn
from nucfuse.models.mask_rcnn.inference.finding import find
from nucfuse.models.mask_rcnn.inference.graphs import Graphs
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.models.mask_rcnn.segmenter import MaskRCNNSegmenter

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIG = evolve(SURE, strides=(4, 8), anchor_sizes=(12, 24), widths=(4, 6, 8), min_confidence=0.02)


@pytest.fixture(scope="module")
def network():
    return made(CONFIG)


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    card = {"name": "tiny", "kind": "mask_rcnn", "network": asdict(CONFIG), "input": "neutral",
            "stride": 8, "diameter": None}  # fmt: skip
    export_mask_rcnn(network, card, folder, "float32")
    return folder


def changed(folder, to, **entries):
    """The card with other entries, beside copies of its files."""
    for path in folder.glob("tiny.*"):
        (to / path.name).write_bytes(path.read_bytes())
    path = to / "tiny.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))
    return read_card(path)


def test_a_card_and_its_files_are_the_network(network, folder):
    graphs = Graphs(read_card(folder / "tiny.json"))
    image, _ = discs(0)
    found = find(graphs.features, graphs.heads, image, CONFIG)
    expected = find(*network.graphs, image, CONFIG)
    assert len(found.boxes) > 0
    for a, b in zip(found, expected, strict=True):
        assert_allclose(a, b, atol=1e-3)


def test_threads_and_other_processes_get_the_same(folder):
    graphs = Graphs(read_card(folder / "tiny.json"))
    images = [discs(seed)[0] for seed in range(4)]
    alone = [find(graphs.features, graphs.heads, image, CONFIG) for image in images]
    copy = pickle.loads(pickle.dumps(graphs))
    with ThreadPoolExecutor(4) as pool:
        both = pool.map(lambda image: find(copy.features, copy.heads, image, CONFIG), images)
        for a, b in zip(alone, both, strict=True):
            assert_array_equal(a.boxes, b.boxes)
            assert_array_equal(a.masks, b.masks)


def test_turning_the_image_turns_what_its_eight_views_say(folder, monkeypatch):
    # Untrained, no two views agree; without votes of those that see nothing, all of it stays.
    monkeypatch.setattr(segmenter, "FUSION", {**segmenter.FUSION, "absent": 0.0})
    model = MaskRCNNSegmenter([read_card(folder / "tiny.json")], "tiny", Inference(tta=True))
    image = (discs(3)[0] * 255).astype(np.uint8)[..., 0]
    found = model.predict(image)
    assert len(found) > 0
    for turned, back in (
        (image[:, ::-1], lambda x: x[:, ::-1]),
        (np.rot90(image), lambda x: np.rot90(x, -1)),
    ):
        other = back(model.predict(turned).to_labels() > 0)
        # A pixel whose votes are a rounding error away from half of all may fall on either side.
        assert ((found.to_labels() > 0) != other).mean() < 0.01


def test_its_weights_train_on(network, folder):
    again = build_mask_rcnn(CONFIG, seed=5)
    load_weights(again, read_card(folder / "tiny.json"))
    for a, b in zip(again.get_weights(), network.get_weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.slow
def test_files_are_halved_and_hold_the_network_still(network, tmp_path, folder):
    entries = json.loads((folder / "tiny.json").read_text())
    card = export_mask_rcnn(network, {**entries, "name": "half"}, tmp_path)
    graphs, image = Graphs(card), discs(0)[0]
    expected = network.graphs[0]([image[np.newaxis]])
    for a, b in zip(graphs.features([image[np.newaxis]]), expected, strict=True):
        assert_allclose(a, b, atol=0.02 * np.abs(b).max())
    for ending in (".heads.onnx", ".weights.h5"):
        sizes = [(f / f"{n}{ending}").stat().st_size
                 for f, n in ((tmp_path, "half"), (folder, "tiny"))]  # fmt: skip
        assert sizes[0] < sizes[1]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"input": "colours"}, "input must be one of neutral.*got 'colours'; update nucfuse"),
        ({"network": {"backbone": "vgg"}}, r"tiny\.json: network: backbone must be one of small"),
        ({"network": {**asdict(CONFIG), "masks": False}},
         "another network than the card says: features from 1 inputs of 1 channels to 4 outputs, "
         "heads from 6 to 3; expected 1 of 1 to 4, 4 to 2"),
        ({"network": {**asdict(CONFIG), "input": "rgb"}}, "expected 1 of 3 to 4"),
        ({"files": {}}, r"the card must name one file \.features\.onnx"),
    ],
    ids=["input", "config", "masks", "channels", "files"],
)  # fmt: skip
def test_cards_that_do_not_fit_are_refused(folder, tmp_path, entries, said):
    with pytest.raises(DataError, match=said):
        Graphs(changed(folder, tmp_path, **entries))


def test_files_that_were_changed_are_refused(folder, tmp_path):
    card = changed(folder, tmp_path)
    path = tmp_path / "tiny.heads.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"heads\.onnx: not the file that tiny\.json describes"):
        Graphs(card)


def test_what_the_network_cannot_take_is_said(folder):
    graphs = Graphs(read_card(folder / "tiny.json"))
    with pytest.raises(DataError, match=r"the network failed on \(1, 8, 8, 2\)"):
        graphs.features([np.zeros((1, 8, 8, 2), np.float32)])


def test_one_pixel_wide_and_cut_nuclei_stay_disjoint(folder):
    model = MaskRCNNSegmenter([read_card(folder / "tiny.json")], "tiny", Inference())
    image = np.zeros((37, 53), np.uint8)
    image[0, :20] = image[5:30, 52] = image[36, 0] = image[20, 20] = 255
    found = model.predict(image)
    assert found.disjoint
    assert found.shape == image.shape
    assert len(remove_overlaps(found)) == len(found)
