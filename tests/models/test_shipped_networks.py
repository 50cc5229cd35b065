"""The networks that come with the package: their parts agree, and they work on real images."""

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose

import nucfuse as nf
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.data.sample_images import sample_folder
from nucfuse.models.families import family_named
from nucfuse.models.files.card import shipped_cards
from nucfuse.models.files.initial_weights import load_weights
from nucfuse.models.files.read_card import read_card
from nucfuse.models.inputs import first_plane
from nucfuse.models.load import load_model
from nucfuse.models.segmenter import as_rgb

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CARDS = {name: read_card(path) for name, path in shipped_cards().items()}
NETWORKS = {name: card for name, card in CARDS.items() if not card.members}
# Of the largest output. Weights are rounded to float16, in the graph with batch normalisation
# folded into them; unet_2, whose Keras weights are rounded as well, is farthest off.
TOLERANCE = {"unet": 2e-3, "unet_2": 4e-3, "mask_rcnn": 2e-3}
IMAGES = sorted((sample_folder() / "images").glob("*.png"))
MEGABYTES = {"unet": 25, "mask_rcnn": 15}  # of all networks of a kind


def in_onnx(content, inputs):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [end.name for end in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


@pytest.mark.parametrize("name", NETWORKS)
def test_keras_weights_and_onnx_are_one_network(name):
    card = CARDS[name]
    family = family_named(card.kind)
    model = family.build(family.network(**card.network))
    load_weights(model, card)
    plane = first_plane(as_rgb(read_image(IMAGES[0]))[:256, :256])
    image = (plane / 255).astype(np.float32)[np.newaxis]
    if card.kind == "unet":
        found, expected = in_onnx(card.file(".onnx"), [image]), [model(image, training=False)]
    else:
        seen = in_onnx(card.file(".features.onnx"), [image])
        boxes, number = np.float32([[20, 30, 50, 70], [100, 90, 140, 120]]), np.zeros(2, np.int32)
        regions = [*seen[:-2], boxes, number, boxes, number]  # for boxes and for masks
        # No batch normalisation is folded into the heads: their weights are the same numbers.
        heads = in_onnx(card.file(".heads.onnx"), regions)
        for a, b in zip(heads, model.graphs[1](regions), strict=True):
            assert_allclose(a, b, atol=1e-4)
        found, expected = seen, model.graphs[0]([image])
    for a, b in zip(found, expected, strict=True):
        assert_allclose(a, b, atol=TOLERANCE[name] * np.abs(b).max())
        assert np.abs(a - b).mean() < 2e-4 * np.abs(b).max()


def test_no_file_is_there_that_no_card_vouches_for():
    folder = next(iter(CARDS.values())).path.parent
    known = {name for card in CARDS.values() for name in [card.path.name, *card.files]}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.parametrize("kind", MEGABYTES)
def test_they_are_small(kind):
    files = [c.path.with_name(name) for c in CARDS.values() if c.kind == kind for name in c.files]
    assert 0 < sum(file.stat().st_size for file in files) < MEGABYTES[kind] * 1e6


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("unet", 0.47),
        pytest.param("unet_ensemble", 0.47, marks=pytest.mark.slow),
        ("mask_rcnn", 0.42),
    ],
)
def test_they_find_the_nuclei_of_images_that_were_held_out(name, least):
    model = load_model(name)
    truths = [read_labels(path.parents[1] / "truth" / path.name) for path in IMAGES]
    assert nf.score(truths, [model.predict(read_image(path)) for path in IMAGES]).dsb_ap > least


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_cards_say_what_was_learned_from_and_how_good_it_is(card):
    for network in (CARDS[name] for name in card.members or [card.name]):
        assert network.document["trained_on"]["n_learn"] > 500
    scores = card.document["scores"]
    for entry in (scores, *scores.get("out_of_fold", {}).values()):
        assert {"fluorescence", "histology", "brightfield"} <= set(entry["modality"])
        assert 0.2 < entry["dsb_ap"] < 1
        assert entry["n_images"] == sum(s["n_images"] for s in entry["source"].values())


@pytest.mark.parametrize("name", ["unet", "unet_ensemble", "mask_rcnn"])
def test_both_protocols_are_on_the_cards(name):
    scores = CARDS[name].document["scores"]["out_of_fold"]
    assert {scores[protocol]["n_images"] for protocol in ("grouped", "source")} == {664}
