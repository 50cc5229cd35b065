"""What a trained network is on disk: a card, which describes and vouches for the files beside it.

NAME.json is the card, NAME.onnx the network as it is run (of a Mask R-CNN two graphs,
NAME.features.onnx and NAME.heads.onnx), NAME.weights.h5 (or .safetensors) its Keras weights for
further training. The card holds the sha256 of each, and a file that differs is refused. An ensemble
is a card without files that names other cards of its folder as ``members``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError

FORMAT = 1
WEIGHTS = Path(__file__).parents[1] / "weights"  # the cards that the package ships
DEFAULT = "unet"
KINDS = ("unet", "mask_rcnn")

# The first of them is the default of a card that does not say how its maps become nuclei.
_CHANNELS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("background", "interior", "border"): ("nucleus", "border", "interior"),
    ("background", "interior", "touching"): ("nucleus", "border", "interior"),
    ("background", "interior", "border", "distance"): (
        "nucleus", "border", "interior", "distance",
    ),
    ("nucleus", "border"): ("nucleus", "border"),
    ("nucleus",): ("nucleus",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """A trained network, or an ensemble of them.

    Attributes
    ----------
    path : Path
        Of the card; its files lie beside it.
    name : str
    document : dict
        All that the card holds.
    kind : {"unet", "mask_rcnn"}
    input : str
        What the network sees of an image, see `nucfuse.models.inputs`.
    stride : int
        Height and width of what it is given must be multiples of this.
    outputs : tuple of str
        Names of the channels that it gives; of a Mask R-CNN none.
    diameter : (float, float) or None
        The nuclei it was trained on: least and largest diameter in pixels.
    size : int
        Side of the square that every image is resized to; 0: none is.
    split : dict
        ``method`` and parameters of `nucfuse.clean.splitting.split`.
    select : dict
        Parameters of `nucfuse.clean.selection.select`.
    files : dict
        File name -> sha256.
    members : tuple of str
        Cards of the same folder; empty if this is a network.
    """

    path: Path
    name: str
    document: Mapping[str, Any] = field(repr=False)
    input: str = "neutral"
    stride: int = 16
    outputs: tuple[str, ...] = ()
    diameter: tuple[float, float] | None = None
    size: int = 0
    split: Mapping[str, Any] = field(default_factory=dict)
    select: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    kind: str = "unet"

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the probability maps made of the outputs."""
        return _CHANNELS[self.outputs]

    @property
    def sha256(self) -> str:
        """Of the card itself, and so of the hashes in it."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def identity(self) -> dict[str, str]:
        """What tells it from all other networks, for JSON."""
        return {"name": self.name, "sha256": self.sha256}

    def file(self, ending: str) -> bytes:
        """Content of the file with that ending, as the card vouches for it.

        Raises
        ------
        DataError
            If the card names no such file, it is missing, or it is not the one that the card
            describes: changed, truncated, or of another version.
        """
        names = [name for name in self.files if name.endswith(ending)]
        if len(names) != 1:
            raise DataError(f"{self.path}: the card must name one file {ending}, it names {names}")
        path = self.path.with_name(names[0])
        try:
            content = path.read_bytes()
        except OSError as problem:
            raise DataError(
                f"{path}: {problem.strerror}; the card {self.path.name} names this file, copy it "
                "there"
            ) from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.files[names[0]]:
            raise DataError(
                f"{path}: not the file that {self.path.name} describes (sha256 {found[:12]}…, "
                f"expected {self.files[names[0]][:12]}…); it was changed or damaged and is not "
                "loaded; copy both anew from where you trust them"
            )
        return content


def shipped_cards() -> dict[str, Path]:
    """Paths of the cards in the package by name, sorted."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.json"))}


def is_card(path: Path) -> bool:
    """Whether a path is a .json file that says it is a card, of whatever version."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "format" in document and "name" in document


def read_card(path: Path) -> Card:
    """Read and check a card.

    Raises
    ------
    DataError
        A ValueError. If there is none, it is of another version than this nucfuse reads, or an
        entry is missing or wrong.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise DataError(f"{path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path}: no card of a network: it is no JSON ({problem})") from None
    if not isinstance(document, dict) or "format" not in document:
        raise DataError(f"{path}: no card of a network: it has no entry 'format'")
    if document["format"] != FORMAT:
        raise DataError(
            f"{path}: a card of format {document['format']!r:.20}; this nucfuse reads format "
            f"{FORMAT}; update nucfuse, or export the network anew"
        )
    return _card(path, document)


def _card(path: Path, document: dict[str, Any]) -> Card:
    entry = _Entries(path, document)
    name = entry.of("name", lambda v: isinstance(v, str) and v, "a text")
    members = entry.of("members", _is_names, "a list of names", [])
    if members:
        return Card(path, name, document, members=tuple(members))
    kind = entry.of("kind", lambda v: v in KINDS, f"one of {', '.join(KINDS)}", KINDS[0])
    outputs = []
    if kind == "unet":
        outputs = entry.of("outputs", lambda v: _is_names(v) and tuple(v) in _CHANNELS,
                           "one of " + ", ".join(str(list(o)) for o in _CHANNELS))  # fmt: skip
    diameter = entry.of("diameter", _is_range, "two numbers above 0, or null", None)
    network = entry.of("network", lambda v: isinstance(v, dict), "an object", {})
    size = _Entries(path, network).of("size", _is_count, "a whole number", 0)
    return Card(
        path, name, document,
        entry.of("input", lambda v: isinstance(v, str), "a text", "neutral"),
        entry.of("stride", lambda v: _is_count(v) and v > 0, "a whole number above 0"),
        tuple(outputs),
        None if diameter is None else (float(diameter[0]), float(diameter[1])),
        size,
        entry.of("split", lambda v: isinstance(v, dict), "an object", {}),
        entry.of("select", lambda v: isinstance(v, dict), "an object", {}),
        entry.of("files", _is_files, "file name -> sha256, of files beside the card"),
        kind=kind,
    )  # fmt: skip


class _Entries:
    """The entries of a card, each checked as it is taken."""

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self._path, self._document = path, document

    def of(self, name: str, is_good: Any, wanted: str, *default: Any) -> Any:
        """The entry, or its default where one is given."""
        if name not in self._document and not default:
            raise DataError(f"{self._path}: the card has no entry {name!r} ({wanted})")
        value = self._document.get(name, *default)
        if not (value is None and default == (None,)) and not is_good(value):
            raise DataError(f"{self._path}: {name} must be {wanted}, got {value!r:.80}")
        return value


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(v) in (int, float) for v in value)
        and 0 < value[0] <= value[1]
    )


def _is_files(value: Any) -> bool:
    # A name with a folder in it could lead anywhere.
    return isinstance(value, dict) and all(
        isinstance(sha, str) and Path(name).name == name for name, sha in value.items()
    )
