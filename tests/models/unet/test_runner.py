"""One network over one image: channels, sizes, scales, tiles."""

import numpy as np
import pytest
from made_networks import discs, write_network
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.models.files.read_card import read_card
from nucfuse.models.inference import scale
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inputs import prepared
from nucfuse.models.unet.graph import UNetGraph
from nucfuse.models.unet.runner import Runner, network_input, split_of

IMAGE = discs((70, 90), [(20, 20), (45, 60)], 9)


def runner(folder, settings=None, **entries):
    card = read_card(write_network(folder, **entries))
    return Runner(UNetGraph(card), settings or Inference())


def maps_of(some_runner, image, height=None):
    return np.concatenate(list(some_runner.bands(image, height or image.shape[0])), axis=1)


def seen_shapes(some_runner, image, monkeypatch):
    """Height and width of everything that the network was given."""
    shapes, run = [], some_runner.graph.run
    monkeypatch.setattr(some_runner.graph, "run", lambda x: shapes.append(x.shape[1:3]) or run(x))
    maps = maps_of(some_runner, image)
    assert maps.shape == (3, *image.shape[:2])
    return shapes


def test_how_maps_are_split(tmp_path):
    given = {"method": "hysteresis", "high": 0.9}
    assert split_of(read_card(write_network(tmp_path, split=given))) == given
    assert split_of(read_card(write_network(tmp_path, split={}))) == {"method": "interior"}
    single = write_network(tmp_path, outputs=["nucleus"], split={})
    assert split_of(read_card(single)) == {"method": "watershed"}


@pytest.mark.parametrize("kind", ["neutral", "rgb"])
def test_bytes_stand_for_what_prepared_gives(kind):
    seen = network_input(IMAGE, kind)
    assert seen.dtype == np.uint8
    assert_array_equal(seen.astype(np.float32) / np.float32(255), prepared(IMAGE, kind))


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (17, 40), (5, 100)])
def test_images_of_any_size(tmp_path, shape):
    maps = maps_of(runner(tmp_path), IMAGE[: shape[0], : shape[1]])
    assert maps.shape == (3, *np.broadcast_shapes(IMAGE[: shape[0], : shape[1], 0].shape))
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_nuclei_in_range_are_seen_once(tmp_path, monkeypatch):
    assert seen_shapes(runner(tmp_path), IMAGE, monkeypatch) == [(80, 96)]


def test_nuclei_too_small_are_enlarged(tmp_path, monkeypatch):
    shapes = seen_shapes(runner(tmp_path, diameter=[36, 40]), IMAGE, monkeypatch)
    assert shapes[0] == (80, 96)
    assert 140 <= shapes[1][0] <= 160  # some 18 pixels became 36
    assert len(shapes) == 2


def test_nuclei_too_large_are_reduced(tmp_path, monkeypatch):
    shapes = seen_shapes(runner(tmp_path, diameter=[4, 9]), IMAGE, monkeypatch)
    assert 32 <= shapes[1][0] <= 48
    assert len(shapes) == 2


def test_a_known_diameter_needs_no_first_pass(tmp_path, monkeypatch):
    settings = Inference(diameter=16.0)
    shapes = seen_shapes(runner(tmp_path, settings, diameter=[8, 8]), IMAGE, monkeypatch)
    assert shapes == [(48, 48)]  # 35 x 45


def test_native_size_is_never_changed(tmp_path, monkeypatch):
    settings = Inference(diameter="native")
    assert seen_shapes(runner(tmp_path, settings, diameter=[1, 2]), IMAGE, monkeypatch) == [
        (80, 96)
    ]


def test_no_nuclei_no_scaling(tmp_path, monkeypatch):
    black = np.zeros_like(IMAGE)
    assert len(seen_shapes(runner(tmp_path, diameter=[1, 2]), black, monkeypatch)) == 1


def test_the_study_resizes_to_a_square(tmp_path, monkeypatch):
    assert seen_shapes(runner(tmp_path, Inference(resize=64)), IMAGE, monkeypatch) == [(64, 64)]
    of_card = runner(tmp_path, network={"size": 32})
    assert seen_shapes(of_card, IMAGE, monkeypatch) == [(32, 32)]
    never = runner(tmp_path, Inference(resize=0), network={"size": 32})
    assert seen_shapes(never, IMAGE, monkeypatch) == [(80, 96)]


def test_eight_views_of_each_scale(tmp_path, monkeypatch):
    settings = Inference(tta=True, scales=(1.0, 0.5), diameter="native")
    shapes = seen_shapes(runner(tmp_path, settings), IMAGE, monkeypatch)
    assert sorted(shapes) == sorted([(80, 96), (96, 80)] * 4 + [(48, 48)] * 8)


@pytest.mark.parametrize("tta", [False, True])
def test_tiles_and_bands_change_nothing(tmp_path, monkeypatch, tta):
    image = discs(
        (700, 1300), [(y, x) for y in range(30, 700, 60) for x in range(30, 1300, 50)], 12
    )
    whole = maps_of(runner(tmp_path, Inference(tile=0, tta=tta)), image)
    tiled = runner(tmp_path, Inference(tile=512, tta=tta))
    shapes = seen_shapes(tiled, image, monkeypatch)
    assert max(max(shape) for shape in shapes[1:]) <= 528
    assert_allclose(maps_of(tiled, image, 100), whole, atol=1e-6)


def test_large_images_are_measured_in_a_part(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "SAMPLE", 64)
    image = discs((200, 300), [(30, 30), (100, 150), (170, 260)], 9)
    shapes = seen_shapes(runner(tmp_path), image, monkeypatch)
    assert shapes == [(64, 64), (208, 304)]
