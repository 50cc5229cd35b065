"""Put trained networks into the package, their cards with the scores of both protocols.

Run from the project's root. A RUN is one of `nucfuse train`; GROUPED and SOURCES are what networks
of its config predict out of fold (`nucfuse predict TRUTH --model RUNS --out GROUPED.npz`). With
--ensemble the runs become members beside the network that is shipped already.

    python docs/ship_network.py TRUTH GROUPED.npz SOURCES.npz RUN
    python docs/ship_network.py TRUTH GROUPED.npz SOURCES.npz --ensemble unet RUN RUN
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.io import open_dataset
from nucfuse.data.run_record import write_json
from nucfuse.models.files.card import FORMAT, WEIGHTS
from nucfuse.models.files.run import PARTS, card_of_run, held_out_of
from nucfuse.pipeline.held_out import score_by_stratum, score_held_out
from nucfuse.pipeline.training_images import common_ids, records_of


def out_of_fold(dataset, records, grouped, sources):
    """Say on a card how good the predictions of a whole data set by both protocols."""
    truths = [dataset.read(record.image_id).masks for record in records]

    def entry(path):
        found = open_dataset(path)
        pairs = [(masks, found.read(r.image_id)) for masks, r in zip(truths, records, strict=True)]
        return score_by_stratum(pairs, records)[1]

    return {"grouped": entry(grouped), "source": entry(sources)}


def ship(run, name, scores=None):
    """Copy the files that a run's card vouches for, then the card, under another name."""
    card = card_of_run(run)
    document = json.loads(card.path.read_text("utf-8")) | {"name": name, "files": {}}
    for file, sha256 in card.files.items():
        copy = name + file.removeprefix(card.name)
        shutil.copyfile(run / file, WEIGHTS / copy)
        document["files"][copy] = sha256
    document["scores"] |= scores or {}
    write_json(WEIGHTS / f"{name}.json", document)


def ship_ensemble(kind, runs, given, scores):
    """Ship the members that are not there, score all together on what every one held out."""
    held_out = [set(held_out_of(run / PARTS)) for run in runs]
    assert all(ids == held_out[0] for ids in held_out), "members must hold out the same images"
    members = [kind]
    for k, run in enumerate(runs, start=2):
        members.append(f"{kind}_{k}")
        ship(run, members[-1])
    card = WEIGHTS / f"{kind}_ensemble.json"
    write_json(card, {"format": FORMAT, "name": card.stem, "members": members})
    dataset, images, records = given
    held = [record for record in records if record.image_id in held_out[0]]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(WEIGHTS, folder, dirs_exist_ok=True)) / card.name
        score_held_out(copy, dataset, images, held, "local:2")
        document = json.loads(copy.read_text("utf-8"))
    document["scores"] |= scores
    write_json(card, document)


def main():
    """Ship what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("truth", "grouped", "sources"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--ensemble", metavar="NAME", help="of the network that it begins with")
    parser.add_argument("runs", type=Path, nargs="+")
    asked = parser.parse_args()
    dataset, images = open_dataset(asked.truth), open_images(asked.truth)
    records = records_of(images, common_ids(dataset, images), 2)
    scores = {"out_of_fold": out_of_fold(dataset, records, asked.grouped, asked.sources)}
    if asked.ensemble:
        ship_ensemble(asked.ensemble, asked.runs, (dataset, images, records), scores)
    else:
        (run,) = asked.runs
        ship(run, card_of_run(run).name, scores)


if __name__ == "__main__":
    main()
