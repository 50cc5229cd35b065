"""`nucfuse.predict`: nuclei of images in memory."""

from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.inference.settings import Inference
from nucfuse.models.load import load_model
from nucfuse.models.segmenter import Segmenter, as_rgb
from nucfuse.settings import read


def predict(
    images: ArrayLike, model: str | Path | Segmenter = "unet", **settings: Any
) -> Instances | list[Instances]:
    """Segment the nuclei of an image, or of each of a list of images.

    Parameters
    ----------
    images : ndarray, shape (H, W, 3) or (H, W), or list of such
        RGB or grey. Of other dtypes than uint8 the range of the values becomes 0..255.
    model : str, Path or Segmenter
        Name or path of a model, or what `load_model` gave.
    **settings
        How a network is run: ``tta=True`` averages over eight flips and turns, ``scales=(1, 1.25)``
        over enlargements, ``diameter=30`` says how large nuclei are in pixels ("auto" measures it,
        "native" never rescales), ``tile=1024`` is the side of the tiles of large images,
        ``resize=512`` makes every image a square, ``threads=4`` uses so many cores, ``timeout=60``
        stops networks that take more seconds than that for an image.

    Returns
    -------
    Instances, or list of Instances

    Raises
    ------
    DataError
        A ValueError. If there is no such model or setting, or a value is out of range.
    ValueError, TypeError
        If an image is none.

    Examples
    --------
    >>> image = np.full((64, 64), 20, np.uint8)
    >>> image[20:40, 20:40] = 220
    >>> predict(image, "otsu")
    Instances(1 masks, 20 runs, shape (64, 64))
    """
    if isinstance(model, str | Path):
        model = load_model(model, read(Inference, settings, "predict"))
    elif settings:
        raise DataError(f"settings go to load_model with the model, got {', '.join(settings)}")
    if isinstance(images, list | tuple):
        return [_nuclei(model, image) for image in images]
    return _nuclei(model, images)


def _nuclei(model: Segmenter, image: ArrayLike) -> Instances:
    found = model.predict(as_rgb(image))
    return found if isinstance(found, Instances) else Instances.from_labels(found)
