"""Keras networks as ONNX graphs. The one file of tests on prediction that loads TensorFlow."""

import json
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nucfuse.errors import DataError
from nucfuse.models.files.export import export_network
from nucfuse.models.inference import tiling
from nucfuse.models.unet.graph import UNetGraph

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CARD = {
    "name": "tiny", "network": {}, "input": "neutral", "stride": 16,
    "outputs": ["background", "interior", "border"], "diameter": [8, 40],
}  # fmt: skip


@pytest.fixture(scope="module")
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow, about itself
        import keras
    return keras


@pytest.fixture(scope="module")
def unet(keras):
    """As deep as ours, but narrow; all that a training run leaves behind, at random."""
    keras.utils.set_random_seed(3)
    layers = keras.layers

    def convolved(x, width):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.Activation("relu")(layers.BatchNormalization()(x))
        return x

    image = keras.Input((None, None, 1), name="image")
    x, skips = image, []
    for _ in range(4):
        skips.append(convolved(x, 4))
        x = layers.MaxPooling2D(2)(skips[-1])
    x = convolved(x, 4)
    for skip in reversed(skips):
        x = layers.UpSampling2D(2)(layers.Conv2D(4, 1)(x))
        x = convolved(layers.concatenate([x, skip]), 4)
    model = keras.Model(image, layers.Softmax()(layers.Conv2D(3, 1)(x)))
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.normal(0.3, 0.2, w.shape)) + 0.05 for w in model.get_weights()])
    features = keras.Model(image, model.layers[-2].input)
    seen = features(rng.random((1, 64, 64, 1), np.float32)).numpy().reshape(-1, 4)
    last = rng.normal(0, 1, (4, 3)) / seen.std(axis=0)[:, np.newaxis]
    model.layers[-2].set_weights([last.reshape(1, 1, 4, 3), -seen.mean(axis=0) @ last])
    return model


@pytest.mark.slow
@pytest.mark.parametrize(("storage", "error"), [("float16", 1e-3), ("float32", 1e-5)])
def test_onnx_runtime_gives_what_keras_gives(unet, tmp_path, storage, error):
    card = export_network(unet, CARD, tmp_path, storage)
    network = UNetGraph(card)
    for shape in [(1, 64, 64, 1), (2, 80, 64, 1)]:
        batch = np.random.default_rng(1).random(shape, np.float32)
        expected = unet(batch, training=False).numpy()
        assert expected.std(axis=(0, 1, 2)).max() > 0.1  # so that there is something to miss
        assert_allclose(network.run(batch), expected, atol=error, rtol=0)
    ends = [network._session.inputs[0], network._session.outputs[0]]
    assert [end.name for end in ends] == ["image", "probabilities"]
    assert ends[0].shape == ["batch", "height", "width", 1]


@pytest.mark.slow
def test_float16_halves_the_file_and_the_weights_come_with_it(unet, keras, tmp_path):
    for folder, storage in (("half", "float16"), ("full", "float32")):
        (tmp_path / folder).mkdir()
        export_network(unet, CARD, tmp_path / folder, storage)
    assert sorted(path.name for path in (tmp_path / "half").iterdir()) == [
        "tiny.json", "tiny.onnx", "tiny.weights.h5",
    ]  # fmt: skip
    sizes = [(tmp_path / f / "tiny.onnx").stat().st_size for f in ("half", "full")]
    assert sizes[0] < sizes[1]
    for folder, dtype in (("half", np.float16), ("full", np.float32)):
        copy = keras.models.clone_model(unet)
        copy.load_weights(tmp_path / folder / "tiny.weights.h5")
        for one, other in zip(copy.get_weights(), unet.get_weights(), strict=True):
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, other.astype(dtype))
    assert json.loads((tmp_path / "half" / "tiny.json").read_text())["format"] == 1


def test_a_bad_card_is_refused_and_not_written(unet, tmp_path):
    with pytest.raises(DataError, match="stride must be a whole number"):
        export_network(unet, {**CARD, "stride": 0}, tmp_path)
    assert not (tmp_path / "tiny.json").exists()


def test_the_margin_of_tiles_covers_what_a_network_of_this_depth_sees(unet):
    """Weights are positive, so that a brighter pixel shows as far as it can be seen."""
    import keras

    scores = keras.Model(unet.input, unet.layers[-2].input)
    image = np.full((1, 512, 512, 1), 0.5, np.float32)
    reach = 0
    for y, x in [(256, 256), (255, 240), (263, 271)]:
        other = image.copy()
        other[0, y, x] = 100
        changed = np.argwhere((scores(image) != scores(other)).numpy().any(axis=3)[0])
        reach = max(reach, np.abs(changed - (y, x)).max())
    assert 60 < reach <= tiling.MARGIN * 16


def test_without_tf2onnx_the_extra_is_named(unet, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(DataError, match=r"pip install 'nucfuse\[models\]'"):
        export_network(unet, CARD, tmp_path)
