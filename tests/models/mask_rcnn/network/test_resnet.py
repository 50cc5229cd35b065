import warnings

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.network.fpn import feature_pyramid, subsampled
from nucfuse.models.mask_rcnn.network.resnet import DEPTHS, load_imagenet, resnet
from nucfuse.models.mask_rcnn.network.small_backbone import small_backbone
from nucfuse.models.style import Style


def style():
    return Style("relu", "he_normal", "batch", 0.0, 0)


def model_of(make, channels=3):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow, about itself
        import keras
    image = keras.Input((None, None, channels))
    return keras.Model(image, make(image))


def reference():
    """Keras Applications' ResNet-50 with weights and statistics at random."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(include_top=False, weights=None)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.get_weights()[0].shape
            layer.set_weights([rng.uniform(0.5, 1, shape), *rng.normal(0, 0.1, (2, *shape)),
                               rng.uniform(0.5, 2, shape)])  # fmt: skip
    return model


def write_weights(model, path, top=""):
    """As Keras 2 wrote the published files."""
    with h5py.File(path, "w") as file:
        root = file.create_group(top) if top else file
        for layer in model.layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            group.attrs["weight_names"] = names
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


@pytest.mark.slow
def test_a_resnet_is_that_of_keras_applications_and_takes_its_file(tmp_path):
    known = reference()
    write_weights(known, tmp_path / "weights.h5", "model_weights")
    ours = model_of(lambda image: resnet(image, DEPTHS["resnet50"], style()))
    load_imagenet(ours, tmp_path / "weights.h5")
    image = np.random.default_rng(1).normal(size=(1, 32, 64, 3)).astype(np.float32)
    maps = [m.numpy() for m in ours(image)]
    assert [m.shape for m in maps] == [(1, 32 // s, 64 // s, 64 * s) for s in (4, 8, 16, 32)]
    # The file is of a network that was shown blue, green, red.
    expected = known(image[..., ::-1]).numpy()
    assert expected.std() > 0.01
    assert_allclose(maps[-1], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_files_that_do_not_fit_are_said(tmp_path):
    small = model_of(lambda image: resnet(image, (1,), style()))
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(DataError, match=r"text\.h5: no HDF5 file of weights"):
        load_imagenet(small, tmp_path / "text.h5")
    other = model_of(lambda image: resnet(image, (1,), style()), channels=1)
    write_weights(other, tmp_path / "other.h5")
    with pytest.raises(DataError, match=r"conv1_conv is \[\(7, 7, 1, 64\)"):
        load_imagenet(small, tmp_path / "other.h5")
    larger = model_of(lambda image: resnet(image, (2,), style()))
    write_weights(small, tmp_path / "small.h5")
    with pytest.raises(DataError, match="conv2_block2_1_conv"):
        load_imagenet(larger, tmp_path / "small.h5")


def test_the_small_backbone_is_centred_on_its_cells():
    """Turned kernels on a turned image give turned maps, at every level: it leans to no side."""
    model = model_of(lambda image: small_backbone(image, (4, 6, 8, 8), style()), channels=1)
    turned = model_of(lambda image: small_backbone(image, (4, 6, 8, 8), style()), channels=1)
    turned.set_weights([w[::-1, ::-1] if w.ndim == 4 else w for w in model.get_weights()])
    image = np.random.default_rng(0).random((1, 64, 32, 1), np.float32)
    maps, others = model(image), turned(image[:, ::-1, ::-1])
    assert [tuple(m.shape) for m in maps] == [
        (1, 32, 16, 4), (1, 16, 8, 6), (1, 8, 4, 8), (1, 4, 2, 8),
    ]  # fmt: skip
    for one, other in zip(maps, others, strict=True):
        assert_allclose(one, other[:, ::-1, ::-1], atol=1e-5)


def test_a_pyramid_adds_what_is_coarser():
    """With kernels that pass through, each level is the sum of all maps from there on."""
    import keras

    inputs = [keras.Input((None, None, 1)) for _ in range(3)]
    levels = feature_pyramid(inputs, 1, style())
    model = keras.Model(inputs, [*levels, subsampled(levels[-1])])
    centre = np.zeros((3, 3, 1, 1), np.float32)
    centre[1, 1] = 1
    kernels = {(1, 1): np.ones((1, 1, 1, 1), np.float32), (3, 3): centre}
    model.set_weights([kernels[w.shape[:2]] if w.ndim == 4 else w for w in model.get_weights()])
    rng = np.random.default_rng(0)
    maps = [rng.random((1, n, n, 1), np.float32) for n in (8, 4, 2)]
    found = [level.numpy() for level in model(maps)]
    twice = [np.kron(m[0, ..., 0], np.ones((2, 2))) for m in maps]
    assert_allclose(found[2], maps[2])
    assert_allclose(found[1][0, ..., 0], maps[1][0, ..., 0] + twice[2], rtol=1e-6)
    assert_allclose(found[0][0, ..., 0], maps[0][0, ..., 0]
                    + np.kron(found[1][0, ..., 0], np.ones((2, 2))), rtol=1e-6)  # fmt: skip
    assert_array_equal(found[3], found[2][:, ::2, ::2])
