"""What a network says of the images that were held out of its training, and how good that is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats.image_folder import Images
from nucfuse.data.io import write_dataset
from nucfuse.data.run_record import write_json
from nucfuse.data.splits.folds import source
from nucfuse.data.splits.near_duplicates import ImageRecord
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import score_images
from nucfuse.models.load import load_network
from nucfuse.pipeline.running import each_image

Pair = tuple[Any, Sample]


def score_held_out(
    card: Path, dataset: Dataset, images: Images, records: Sequence[ImageRecord], engine: str
) -> Scores:
    """Predict images that were held out, score them, and say so in the card.

    Writes ``held_out.npz``, the nuclei, beside the card, and an entry ``scores`` into the card.

    Parameters
    ----------
    card : Path
        Of the network, see `nucfuse.models.files.card`.
    dataset, images
        The truth and the images.
    records : sequence of ImageRecord
        Of the images held out; their modality and source are strata of the score.
    engine : str
        See `nucfuse.engine.open_engine`.
    """
    model = load_network(card)

    def both(image_id: str) -> Pair:
        truth = dataset.read(image_id).masks
        return truth, Sample(image_id, model.predict(images.image(image_id)))

    ids = [record.image_id for record in records]
    pairs = list(each_image(engine, both, ids, "Scoring"))
    write_dataset(card.with_name("held_out.npz"), (sample for _, sample in pairs), "npz")
    scores, entry = score_by_stratum(pairs, records)
    document = json.loads(card.read_text("utf-8"))
    document["scores"] = entry
    write_json(card, document)
    return scores


def score_by_stratum(
    pairs: Sequence[Pair], records: Sequence[ImageRecord]
) -> tuple[Scores, dict[str, Any]]:
    """Score predictions, and what a card says of it: all, each modality, and each source.

    Parameters
    ----------
    pairs : sequence of (truth, Sample)
    records : sequence of ImageRecord
        Of the same images in the same order.
    """
    strata = {
        "modality": [record.modality for record in records],
        "source": [source(record) for record in records],
    }
    # Truth as it is: where masks of it share pixels, that is the data set's, not the network's.
    request = ScoreRequest(allow_overlap=True)
    ids = [record.image_id for record in records]
    truths, preds = [truth for truth, _ in pairs], [sample.masks for _, sample in pairs]
    scores = score_images(truths, preds, request, ids=ids, strata=strata)
    tables = {key: _of_each(scores, key) for key in strata}
    return scores, {"n_images": len(records), "dsb_ap": _short(scores.dsb_ap), **tables}


def _of_each(scores: Scores, key: str) -> dict[str, Any]:
    table = scores.by(key)
    return {
        str(name): {"n_images": int(row["n_images"]), "dsb_ap": _short(row["dsb_ap"])}
        for name, row in table.set_index(key).to_dict("index").items()
    }


def _short(value: float) -> float:
    return round(float(value), 4)
