"""Networks run by ONNX Runtime, and all that can be wrong with their files."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from made_networks import tiny_onnx, write_network
from numpy.testing import assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.files.read_card import read_card
from nucfuse.models.unet.graph import UNetGraph


@pytest.fixture
def network(tmp_path):
    return UNetGraph(read_card(write_network(tmp_path)))


def test_batches_of_any_size_give_probabilities(network):
    for shape in [(1, 16, 16, 1), (3, 32, 16, 1), (2, 16, 48, 1)]:
        outputs = network.run(np.random.default_rng(0).random(shape, np.float32))
        assert outputs.shape == (*shape[:3], 3)
        assert outputs.dtype == np.float32
        np.testing.assert_allclose(outputs.sum(axis=3), 1, rtol=1e-5)


def test_threads_and_other_processes_get_the_same(network):
    images = np.random.default_rng(1).random((8, 1, 32, 32, 1), np.float32)
    alone = [network.run(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(network.run, images), strict=True):
            assert_array_equal(one, other)
    copy = pickle.loads(pickle.dumps(network))
    assert_array_equal(copy.run(images[0]), alone[0])


@pytest.mark.parametrize(
    ("onnx", "entries"),
    [
        (tiny_onnx(channels=3), {}),
        (tiny_onnx(n_outputs=4), {}),
        (tiny_onnx(), {"input": "rgb"}),
        (tiny_onnx(), {"outputs": ["nucleus", "border"]}),
    ],
)
def test_a_network_of_another_shape_than_its_card_says(tmp_path, onnx, entries):
    with pytest.raises(DataError, match=r"the network (takes|gives) .*; expected float \(B, H, W"):
        UNetGraph(read_card(write_network(tmp_path, onnx=onnx, **entries)))


@pytest.mark.parametrize("onnx", [b"", b"no graph", tiny_onnx()[:-100], b"\x80\x04K\x01."])
def test_what_is_no_network_is_refused(tmp_path, onnx):
    with pytest.raises(DataError, match=r"tiny\.json: ONNX Runtime cannot load the network"):
        UNetGraph(read_card(write_network(tmp_path, onnx=onnx)))


def test_an_input_that_this_nucfuse_does_not_know(tmp_path):
    with pytest.raises(DataError, match=r"input must be one of neutral, rgb.*got 'infrared'"):
        UNetGraph(read_card(write_network(tmp_path, input="infrared")))


def test_a_failure_of_the_runtime_is_one_message(network):
    with pytest.raises(DataError, match=r"tiny\.json: the network failed on \(1, 16, 16, 5\)"):
        network.run(np.zeros((1, 16, 16, 5), np.float32))


def test_a_tampered_network_is_refused(tmp_path):
    card = read_card(write_network(tmp_path))
    (tmp_path / "tiny.onnx").write_bytes(tiny_onnx(bias=1.0))
    with pytest.raises(DataError, match=r"tiny\.onnx: not the file that tiny\.json describes"):
        UNetGraph(card)


def test_without_onnx_runtime_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataError, match=r"pip install 'nucfuse\[predict\]'.*--model otsu"):
        UNetGraph(read_card(write_network(tmp_path)))
