"""What a data set is made of."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nucfuse.data import run_record as provenance
from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_facts import ImageFacts, image_facts
from nucfuse.data.image_ids import first_ids
from nucfuse.data.io import open_dataset, open_sizes
from nucfuse.data.statistics import BOX_COLUMNS, Exploration, exploration
from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.coverage import Coverage, coverage
from nucfuse.pipeline.running import check_output, each_image, engine_name


def explore(truth: Path, *, images: Path | None = None, out: Path | None = None,
            format_: str | None = None, jobs: int | None = None,
            engine: str | None = None) -> Exploration:  # fmt: skip
    """Statistics of a data set; nothing is written, ``out`` is only checked.

    Raises
    ------
    DataError
        If the input is bad, ``images`` lacks one of the images, or ``out`` would mix with them.
    """
    if out is not None:
        check_output(out, [truth] if images is None else [truth, images])
    sizes = None if images is None else open_sizes(images)
    dataset = open_dataset(truth, format_, sizes)
    source = None if images is None else open_images(images)
    if source is not None:
        absent = [image_id for image_id in dataset.ids if image_id not in source]
        if absent:
            raise DataError(f"{images}: {len(absent)} images are not there: {first_ids(absent)}")
    job = partial(_facts, dataset, source)
    facts = list(each_image(engine_name(jobs, engine), job, dataset.ids, "Exploring"))
    return exploration(str(truth), dataset.format, facts)


def anchor_coverage(
    result: Exploration, configs: Mapping[str, MaskRCNNConfig]
) -> dict[str, list[Coverage]]:
    """How well the anchors of some Mask R-CNNs cover the nuclei of a data set, by name.

    At the images' own size, and again at that to which the network's images are resized, if any.
    """
    if not configs:
        return {}
    shapes = dict(zip(result.images["image_id"], zip(result.images["height"],
                      result.images["width"], strict=True), strict=True))  # fmt: skip
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


def record(truth: Path, images: Path | None) -> dict[str, Any]:
    """What ``run.json`` says."""
    return provenance.run_record([truth] if images is None else [truth, images], {})


def _facts(dataset: Dataset, source: Images | None, image_id: str) -> ImageFacts:
    image = dataset.image(image_id) if source is None else source.image(image_id)
    try:
        return image_facts(dataset.read(image_id), image)
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r}: {error}") from None
