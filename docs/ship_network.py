"""Put a trained network into the package, its card with the scores of both protocols.

Run from the project's root. RUN is a run of `nucfuse train`; GROUPED and SOURCES are what networks
of its config predict out of fold (`nucfuse predict TRUTH --model RUNS --out GROUPED.npz`).

    python docs/ship_network.py RUN TRUTH GROUPED.npz SOURCES.npz
"""

import json
import shutil
import sys
from pathlib import Path

from nucfuse.data.image_folder import open_images
from nucfuse.data.layouts import open_dataset
from nucfuse.data.provenance import write_json
from nucfuse.models.card import WEIGHTS
from nucfuse.pipeline.cross_validated import card_of_run
from nucfuse.pipeline.held_out import score_by_stratum
from nucfuse.pipeline.training_images import common_ids, records_of


def out_of_fold(truths, path, records):
    """What a card says of the predictions of a whole data set."""
    found = open_dataset(path)
    pairs = [(masks, found.read(r.image_id)) for masks, r in zip(truths, records, strict=True)]
    return score_by_stratum(pairs, records)[1]


def main(run, truth_path, grouped, sources):
    """Copy the files that the card vouches for, then the card."""
    card = card_of_run(Path(run))
    truth, images = open_dataset(Path(truth_path)), open_images(Path(truth_path))
    records = records_of(images, common_ids(truth, images), 2)
    truths = [truth.read(record.image_id).masks for record in records]
    document = json.loads(card.path.read_text("utf-8"))
    document["scores"]["out_of_fold"] = {
        "grouped": out_of_fold(truths, Path(grouped), records),
        "source": out_of_fold(truths, Path(sources), records),
    }
    for name in card.files:
        shutil.copyfile(card.path.with_name(name), WEIGHTS / name)
    write_json(WEIGHTS / card.path.name, document)


if __name__ == "__main__":
    main(*sys.argv[1:])
