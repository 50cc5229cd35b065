"""Which images of a truth and a prediction belong together."""

from dataclasses import dataclass
from unicodedata import normalize

from nucfuse.data.dataset import Dataset
from nucfuse.data.image_ids import alike, alike_text, first_ids
from nucfuse.errors import DataError


@dataclass(frozen=True, slots=True)
class Pairing:
    """Ids of the truth that the prediction has, and has not, and ids that only it has, sorted.

    ``names`` maps an id of the truth to the prediction's own word for it. ``alike`` are ids of the
    truth and extra ones that differ only in case.
    """

    paired: list[str]
    missing: list[str]
    extra: list[str]
    names: dict[str, str]
    alike: list[tuple[str, str]]


def pair(truth: Dataset, pred: Dataset) -> Pairing:
    """Pair by image id; where a format numbers its images, by the truth's numbers.

    A COCO result list knows images by number only. If the truth is a COCO document, its
    ``aliases`` say which number means which id.

    Raises
    ------
    DataError
        If no id is in both; the message shows some of either.
    """
    # Only a bare result list speaks in numbers; file names of a folder may look like numbers, too.
    by_number = getattr(pred, "numbered", False)
    aliases: dict[str, str] = getattr(truth, "aliases", {}) if by_number else {}
    own_word = {aliases.get(name, name): name for name in pred.ids}
    if len(own_word) < len(pred.ids):  # an alias met an id; take the words as they are
        own_word = {name: name for name in pred.ids}
    # Tables keep ids as they are written, which may be in another form of Unicode.
    composed = {normalize("NFC", word): own for word, own in own_word.items()}
    found = {name: own_word.get(name, composed.get(normalize("NFC", name))) for name in truth.ids}
    names = {name: own for name, own in found.items() if own is not None}
    missing = [name for name in truth.ids if name not in names]
    used = set(names.values())
    extra = sorted(word for word, own in own_word.items() if own not in used)
    similar = alike(missing, extra)
    if not names:
        raise DataError(
            f"{pred.path}: no image id is also in {truth.path}. Truth has "
            f"{first_ids(truth.ids, 3)}; prediction has {first_ids(pred.ids, 3)}. Ids "
            "are file names without the ending (and without _masks, _label, _pred …)"
            f"{alike_text(similar, '. ')}"
        )
    return Pairing(list(names), missing, extra, names, similar)
