"""run.json: what was run, on what, with which versions."""

import hashlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.output_lock import is_temporary

_PACKAGES = (
    "nucfuse",
    "numpy",
    "numba",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "pandas",
)


def run_record(inputs: list[Path], config: dict[str, Any]) -> dict[str, Any]:
    """Command, versions, configuration and input hashes of this run, ready for JSON."""
    return {
        "command": ["nucfuse", *sys.argv[1:]],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "platform": platform.platform(),
        "config": config,
        "inputs": [{"path": str(path), **fingerprint(path)} for path in inputs],
    }


def fingerprint(path: Path) -> dict[str, Any]:
    """Hash of an input.

    A file: sha256 of its bytes. A folder: sha256 of the sorted names, sizes and times of change of
    what is in it, for reading 30,000 mask files a second time would cost more than scoring them.
    """
    if path.is_file():
        with path.open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    digest, n_files = hashlib.sha256(), 0
    for folder, subfolders, files in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not is_temporary(name))
        for name in sorted(name for name in files if not is_temporary(name)):
            file_path = os.path.join(folder, name)  # noqa: PTH118  (30,000 Path objects are slow)
            stat = os.stat(file_path)  # noqa: PTH116
            entry = f"{os.path.relpath(file_path, path)}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
            digest.update(entry.encode("utf-8", "surrogateescape"))
            n_files += 1
    return {"listing_sha256": digest.hexdigest(), "n_files": n_files}


def to_json(document: Any) -> str:
    """JSON as all our files are written: indented, unicode as it is, NaN refused."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_file(path) as part:
        part.write_text(to_json(document) + "\n", "utf-8")
