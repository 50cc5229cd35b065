"""Image sizes for formats that have none: from images, or from a data set that knows them."""

from pathlib import Path

from nucfuse.data.dataset import Shape, ShapeOf
from nucfuse.data.image_folder import open_images
from nucfuse.data.layouts import open_dataset
from nucfuse.errors import DataError


def open_sizes(path: Path) -> ShapeOf:
    """Height and width by image id, from a folder of images or any data set with sizes.

    A data set is tried first (a DSB2018 folder, a Kaggle solution, COCO, label images); what is
    none is taken for a folder of images.

    Raises
    ------
    DataError
        If the path is neither.
    """
    try:
        dataset = open_dataset(path)
    except DataError as not_a_dataset:
        try:
            images = open_images(path)
        except DataError:
            raise not_a_dataset from None
        return lambda image_id: images.shape(image_id) if image_id in images else None
    known = set(dataset.ids)

    def shape_of(image_id: str) -> Shape | None:
        if image_id not in known:
            return None
        shape = dataset.shape(image_id)
        return shape if shape is not None else _decoded_shape(dataset.read(image_id).masks.shape)

    return shape_of


def _decoded_shape(shape: tuple[int, ...]) -> Shape | None:
    return (shape[0], shape[1]) if len(shape) == 2 else None
