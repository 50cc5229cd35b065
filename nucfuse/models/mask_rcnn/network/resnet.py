"""ResNet-50 and ResNet-101: four maps of an image, each of half the resolution of the one before.

He et al. 2016, https://doi.org/10.1109/CVPR.2016.90, table 1. Layers are named and made as those of
Keras Applications (stride in the first 1 x 1 convolution of a block, biases), whose files of
ImageNet weights fit.
"""

from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.style import Style

Tensor = Any

# Blocks of each of the four stages.
DEPTHS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


def resnet(image: Tensor, depths: tuple[int, ...], style: Style) -> list[Tensor]:
    """Make maps C2, C3, … of an image, at strides 4, 8 and so on.

    Parameters
    ----------
    image : tensor, shape (B, H, W, 3)
    depths : tuple of int
        Blocks of each stage; stage k is 64 x 2^k wide inside and four times that outside.
    style : Style
        Initialises the convolutions.

    Returns
    -------
    list of tensors
        One a stage, of 256, 512, 1024, … channels.
    """
    from keras import layers

    x = layers.ZeroPadding2D(3)(image)
    x = _convolved(x, 64, 7, 2, "conv1", style, "valid")
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    maps = []
    for stage, depth in enumerate(depths):
        for block in range(depth):
            stride = 2 if stage and not block else 1
            name = f"conv{stage + 2}_block{block + 1}"
            x = _bottleneck(x, 64 * 2**stage, stride, block == 0, name, style)
        maps.append(x)
    return maps


def _bottleneck(
    x: Tensor, width: int, stride: int, projects: bool, name: str, style: Style
) -> Tensor:
    """1 x 1 down to ``width``, 3 x 3, 1 x 1 up to four times that, added to the input."""
    from keras import layers

    shortcut = x
    if projects:
        shortcut = _convolved(x, 4 * width, 1, stride, f"{name}_0", style)
    inner = layers.Activation("relu")(_convolved(x, width, 1, stride, f"{name}_1", style))
    inner = layers.Activation("relu")(_convolved(inner, width, 3, 1, f"{name}_2", style))
    inner = _convolved(inner, 4 * width, 1, 1, f"{name}_3", style)
    return layers.Activation("relu")(layers.add([shortcut, inner]))


def _convolved(
    x: Tensor, width: int, size: int, stride: int, name: str, style: Style, padding: str = "same"
) -> Tensor:
    from keras import layers

    x = layers.Conv2D(
        width,
        size,
        strides=stride,
        padding=padding,
        name=f"{name}_conv",
        kernel_initializer=style.kernel(),
    )(x)
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)


def load_imagenet(backbone: Any, path: Path) -> None:
    """Give a ResNet the weights of a file of Keras Applications (…_notop.h5 or the whole one).

    The file was trained on blue, green, red, in that order; the first kernel is turned around, so
    that the network goes on taking RGB.

    Parameters
    ----------
    backbone : keras.Model
        As `resnet` makes it.
    path : Path
        HDF5; nothing in it is executed.

    Raises
    ------
    DataError
        If it cannot be read, or has no weights of that shape for a layer.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            root = file.get("model_weights", file)
            values = {layer: _weights_of(root, layer) for layer in backbone.layers if layer.weights}
    except OSError as error:
        raise DataError(f"{path}: no HDF5 file of weights: {error}") from None
    except (KeyError, DataError) as error:
        raise DataError(f"{path}: no weights of this {backbone.name}: {error}") from None
    for layer, weights in values.items():
        if layer.name == "conv1_conv":
            weights[0] = weights[0][:, :, ::-1]
        layer.set_weights(weights)


def _weights_of(root: Any, layer: Any) -> list[Any]:
    group = root[layer.name]
    weights = [group[name][()] for name in group.attrs["weight_names"]]
    shapes, wanted = [w.shape for w in weights], [tuple(w.shape) for w in layer.weights]
    if shapes != wanted:
        raise DataError(f"{layer.name} is {shapes}, expected {wanted}")
    return weights
