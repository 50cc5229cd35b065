"""What a trained network is on disk: a card, which describes and vouches for the files beside it.

NAME.json is the card, NAME.onnx the network as it is run (of a Mask R-CNN two graphs,
NAME.features.onnx and NAME.heads.onnx), NAME.weights.h5 (or .safetensors) its Keras weights for
further training. The card holds the sha256 of each, and a file that differs is refused. An ensemble
is a card without files that names other cards of its folder as ``members``.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from nucfuse.errors import DataError
from nucfuse.settings import checked, number, text

FORMAT = 1
WEIGHTS = Path(__file__).parents[1] / "weights"  # the cards that the package ships
DEFAULT = "unet"


# Beyond any network, and so what an ill-meant card may ask for.
MOST_STRIDE, MOST_SIZE, MOST_DIAMETER, MOST_MEMBERS = 1024, 2**14, 2**14, 64


def _is_names(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(v, str) for v in value)


def _is_plain(name: Any) -> bool:
    # A name with a folder in it could lead anywhere.
    return isinstance(name, str) and name.isprintable() and not {*"/\\:"} & {*name} and name != ".."


def _is_members(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_MEMBERS and all(map(_is_plain, value))


def _is_range(value: Any) -> bool:
    if value is None:
        return True
    numbers = isinstance(value, tuple) and [type(v) in (int, float) for v in value] == [True, True]
    return numbers and 0 < value[0] <= value[1] <= MOST_DIAMETER


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(sha, str) and _is_plain(name) for name, sha in value.items()
    )


def _tuple_of(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names() -> Any:
    return checked((), _is_names, "a list of names", _tuple_of)


def _table() -> Any:
    return checked({}, lambda value: isinstance(value, dict), "an object")


@attrs.frozen(kw_only=True)
class Card:
    """A trained network, or an ensemble of them.

    Attributes
    ----------
    path : Path
        Of the card; its files lie beside it.
    document : dict
        All that the card holds.
    name : str
    kind : str
        Of network, see `nucfuse.models.families`.
    network : dict
        What the network is made of, see the config of its kind.
    input : str
        What the network sees of an image, see `nucfuse.models.inputs`.
    stride : int
        Height and width of what it is given must be multiples of this.
    outputs : tuple of str
        Names of the channels that a U-Net gives.
    diameter : (float, float) or None
        The nuclei it was trained on: least and largest diameter in pixels.
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
    document: Mapping[str, Any] = attrs.field(repr=False)
    name: str = checked("?", lambda value: isinstance(value, str) and value != "", "a text")
    kind: str = text("unet")  # so were all before there were kinds
    network: Mapping[str, Any] = _table()
    input: str = text("neutral")
    stride: int = number(16, 1, MOST_STRIDE)
    outputs: tuple[str, ...] = _names()
    diameter: tuple[float, float] | None = checked(
        None, _is_range, f"two numbers above 0, up to {MOST_DIAMETER}, or null", _tuple_of
    )
    split: Mapping[str, Any] = _table()
    select: Mapping[str, Any] = _table()
    files: Mapping[str, str] = checked(
        {}, _is_files, "file name -> sha256, of files beside the card"
    )
    members: tuple[str, ...] = checked(
        (), _is_members, f"a list of up to {MOST_MEMBERS} names of cards beside this one", _tuple_of
    )

    def __attrs_post_init__(self) -> None:
        if type(self.network.get("size", 0)) is not int or not 0 <= self.size <= MOST_SIZE:
            raise DataError(
                f"size must be a whole number in [0, {MOST_SIZE}], got {self.size!r:.80}"
            )

    @property
    def size(self) -> int:
        """Side of the square that every image is resized to; 0: none is."""
        size: int = self.network.get("size", 0)
        return size

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
