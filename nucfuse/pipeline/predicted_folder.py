"""A folder of label images that grows image by image, so that an interrupted run can go on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucfuse import __version__
from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.dataset import Sample
from nucfuse.data.formats import labels
from nucfuse.data.image_ids import first_ids
from nucfuse.data.readers.files import is_filled
from nucfuse.data.run_record import run_record, to_json
from nucfuse.errors import DataError

RECORD = "run.json"


class PredictedFolder:
    """Label images of one model with one set of settings, which ``run.json`` records.

    Parameters
    ----------
    path : Path
        New, empty, or left by an earlier run of the same.
    described : dict
        Model and settings.
    image_ids : sequence of str
        Of this run.
    overwrite : bool
        Whether what other models or settings gave may be replaced.

    Raises
    ------
    DataError
        If the folder holds label images that are not known to come from the same model and
        settings, or, with ``overwrite``, of images that would not be replaced.
    """

    def __init__(
        self, path: Path, described: dict[str, Any], image_ids: Sequence[str], overwrite: bool
    ) -> None:
        self.path = path
        self._config = {**described, "nucfuse": __version__}
        files = labels.open_dataset(path).files if _has_labels(path) else {}
        # A file of no bytes is what a full disk or a crash leaves.
        self._there = {i: file.path for i, file in files.items() if is_filled(file.path)}
        if overwrite:
            self._check_replaced(image_ids)
            for file in set(self._there.values()):
                file.unlink()  # so that a second interruption leaves no mixture
            self._there = {}
        elif self._there:
            self._check_same()
        self._write({"complete": False, "config": self._config})

    def has(self, image_id: str) -> bool:
        """Whether an earlier run left the label image."""
        return image_id in self._there

    def add(self, sample: Sample) -> None:
        """Write a label image; from any thread."""
        labels.write_one(self.path, sample)

    def finish(self, images: Path, counts: dict[str, Any]) -> None:
        """Complete the record."""
        record = run_record([images], self._config)
        self._write({"complete": True, **counts, **record})

    def _write(self, record: dict[str, Any]) -> None:
        with atomic_file(self.path / RECORD) as part:
            part.write_text(to_json(record) + "\n", encoding="utf-8")

    def _check_same(self) -> None:
        old = _config_of(self.path / RECORD)
        if old == self._config:
            return
        if old is None:
            what = "and no run.json says how they were made"
        else:
            names = sorted(k for k in {**old, **self._config} if old.get(k) != self._config.get(k))
            what = f"made with other settings ({', '.join(names)})"
        raise DataError(
            f"{self.path}: there are label images of {len(self._there)} images in it, {what}; "
            "remove them, choose another folder, or give --overwrite"
        )

    def _check_replaced(self, image_ids: Sequence[str]) -> None:
        strange = sorted(set(self._there) - set(image_ids))
        if strange:
            raise DataError(
                f"{self.path}: --overwrite would mix two runs, as there are label images of "
                "others than the images of this one: "
                f"{first_ids(strange, 3)}; choose another folder"
            )


def _has_labels(path: Path) -> bool:
    return path.is_dir() and labels.matches(path)


def _config_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes()).get("config")
    except (OSError, ValueError, AttributeError):
        return None
