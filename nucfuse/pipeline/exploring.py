"""What a data set is made of."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_facts import ImageFacts, image_facts
from nucfuse.data.image_ids import first_ids
from nucfuse.data.io import open_sizes
from nucfuse.data.statistics import BOX_COLUMNS, Exploration, exploration
from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.coverage import Coverage, coverage
from nucfuse.pipeline.running import Reading, each_image


def explore(truth: Path, reading: Reading, images: Path | None = None) -> Exploration:
    """Statistics of a data set.

    Raises
    ------
    DataError
        If the input is bad, or ``images`` lacks one of the images.
    """
    sizes = None if images is None else open_sizes(images)
    dataset = reading.open(truth, sizes)
    source = None if images is None else open_images(images)
    if source is not None:
        absent = [image_id for image_id in dataset.ids if image_id not in source]
        if absent:
            raise DataError(f"{images}: {len(absent)} images are not there: {first_ids(absent)}")
    job = partial(_facts, dataset, source)
    facts = list(each_image(reading.engine, job, dataset.ids, "Exploring"))
    return exploration(str(truth), dataset.format, facts)


def anchor_coverage(
    result: Exploration, configs: Mapping[str, MaskRCNNConfig]
) -> dict[str, list[Coverage]]:
    """How well the anchors of some Mask R-CNNs cover the nuclei of a data set, by name.

    At the images' own size, and again at that to which the network's images are resized, if any.
    """
    if not configs:
        return {}
    table = result.images.set_index("image_id")[["height", "width"]]
    shapes = dict(zip(table.index, table.itertuples(index=False, name=None), strict=True))
    groups = result.nuclei.groupby("image_id", sort=False)
    boxes = {image_id: rows[list(BOX_COLUMNS)].to_numpy() for image_id, rows in groups}
    sizes = [shapes[image_id] for image_id in boxes]
    return {
        name: [
            coverage(list(boxes.values()), sizes, config, scaled)
            for scaled in ([False, True] if config.size else [False])
        ]
        for name, config in configs.items()
    }


def _facts(dataset: Dataset, source: Images | None, image_id: str) -> ImageFacts:
    image = dataset.image(image_id) if source is None else source.image(image_id)
    try:
        return image_facts(dataset.read(image_id), image)
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r}: {error}") from None
