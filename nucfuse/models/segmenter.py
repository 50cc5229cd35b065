"""What a model is to nucfuse, and how one is found by name."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.intensity import percentile_range, stretched
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import DEFAULT, shipped_cards

ENTRY_POINTS = "nucfuse.models"

# Where a built-in model is made; imported when it is asked for, as some load heavy libraries.
_BUILT_IN = {
    "otsu": "nucfuse.models.classical.otsu:Otsu",
    "adaptive": "nucfuse.models.classical.adaptive:Adaptive",
    "log": "nucfuse.models.classical.laplacian_of_gaussian:LaplacianOfGaussian",
}
_NETWORKS = "nucfuse.models.files.load", "open_network"


@runtime_checkable
class Segmenter(Protocol):
    """Anything that finds nuclei in an image."""

    name: str

    def predict(self, image: NDArray[np.uint8]) -> Instances | NDArray[Any]:
        """Nuclei of one RGB image (H, W, 3): Instances, or a label image of int (H, W).

        The same image gives the same nuclei, whatever was predicted before.
        """
        ...


def model_names() -> list[str]:
    """Names that `get_model` knows: built-in ones and those of installed packages, sorted."""
    return sorted({*_BUILT_IN, *shipped_cards(), *_plugins()})


def default_model() -> str:
    """The model that is used when none is named: the shipped network, if there is one."""
    return DEFAULT if DEFAULT in shipped_cards() else "otsu"


def get_model(name: str) -> Segmenter:
    """Make the model of that name.

    Parameters
    ----------
    name : str
        A built-in model ("otsu"), a network that the package ships ("unet"), or one that an
        installed package offers in the entry point group ``nucfuse.models``: something that returns
        a `Segmenter` when called without arguments. The first two cannot be taken over.

    Raises
    ------
    DataError
        A ValueError. If there is no such model (the message lists those there are), it cannot be
        imported, what the package offers is no `Segmenter`, or a network cannot be loaded.
    """
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name].split(":")
        make: Callable[[], Any] = getattr(import_module(module), attribute)
        return _checked(make(), name, _BUILT_IN[name])
    shipped = shipped_cards()
    if name in shipped:
        module, attribute = _NETWORKS
        network: Segmenter = getattr(import_module(module), attribute)(shipped[name])
        return network
    plugins = _plugins()
    if name not in plugins:
        known = ", ".join(model_names())
        raise DataError(
            f"no model is called {name!r}; there are: {known}. Other packages add models by the "
            f"entry point group {ENTRY_POINTS!r}"
        )
    try:
        make = plugins[name].load()
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"model {name!r} ({plugins[name].value}) cannot be imported: {error}; reinstall the "
            "package that offers it"
        ) from error
    return _checked(make(), name, plugins[name].value)


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _checked(model: Any, name: str, origin: str) -> Segmenter:
    if not isinstance(model, Segmenter):
        raise DataError(
            f"model {name!r} ({origin}) must have a name and a method predict(image), got "
            f"{type(model).__name__}"
        )
    return model


def as_rgb(image: ArrayLike) -> NDArray[np.uint8]:
    """An image as models take it: RGB of uint8, (H, W, 3).

    Parameters
    ----------
    image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
        Grey becomes three equal channels and an alpha channel is dropped. uint8 keeps its values;
        bool becomes 0 and 255; of all else the range from the 0.1th to the 99.9th percentile
        becomes 0..255, so that a few hot pixels do not hide the nuclei of a 16-bit image.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the shape is another, there are no pixels, or a value is NaN or infinite.
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.size == 0:
        raise ValueError(f"image must be grey (H, W) or RGB (H, W, 3), got shape {np.shape(image)}")
    array = array[..., :3]
    if array.dtype.kind not in "buif":
        raise TypeError(f"image must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        array = _stretched(array)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def _stretched(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("image holds NaN or infinite values; replace them first")
    # Halves, so that the difference of the two ends of the float64 range is finite.
    halves = array.astype(np.float64) / 2
    return stretched(halves, *percentile_range(halves, (0.1, 99.9)))
