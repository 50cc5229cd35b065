"""Image ids and file names: one made of the other, and ids named in messages.

An id is a file name without its ending and without one of the suffixes that segmentation tools add
(`SUFFIXES`), in Unicode's form NFC, so that names that a Mac wrote pair with others. Ids that
cannot be file names are percent-escaped when written, as in web addresses, and unescaped when read.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence

from nucfuse.errors import DataError

SUFFIXES = ("_cp_masks", "_labels", "_label", "_masks", "_mask", "_pred", "_seg")

# Separators, what Windows forbids in file names, control characters, and the escape itself; dots
# and spaces at the ends, where they hide files or get lost.
_UNSAFE = re.compile(r"""[%/\\<>:"|?*\x00-\x1f\x7f]|^[. ]|[. ]$""")
# "a.ome.tif" is the image "a".
_OME = re.compile(r"(?<=.)\.ome\Z", re.IGNORECASE)
_ESCAPED = re.compile(r"%([0-7][0-9A-F])")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_EMPTY = "%"  # no other id gives this name, as "%" itself becomes "%25"
# Endings of image files; anything else behind a dot belongs to the name ("img_1.2").
_IMAGE_ENDING = re.compile(
    r"\.(bmp|czi|gif|jp2|jpe?g|lif|nd2|ndpi|np[yz]|p[gnp]m|png|svs|(ome\.)?tiff?|webp|zarr)\Z",
    re.IGNORECASE,
)


def strip_suffix(stem: str) -> str:
    """Return a file stem without the suffix of a segmentation tool; only one is taken off.

    Examples
    --------
    >>> strip_suffix("cell_cp_masks"), strip_suffix("cell_mask_pred"), strip_suffix("_mask")
    ('cell', 'cell_mask', '_mask')
    """
    for suffix in SUFFIXES:  # longest first
        if stem.endswith(suffix) and stem != suffix:
            return stem[: -len(suffix)]
    return stem


def has_suffix(stem: str) -> bool:
    """Whether a segmentation tool named the file: its stem has a suffix.

    Examples
    --------
    >>> has_suffix("a_cp_masks.ome"), has_suffix("a")
    (True, False)
    """
    stem = _OME.sub("", stem)
    return strip_suffix(stem) != stem


def escape_id(image_id: str) -> str:
    """Make a file stem of any image id; `id_of_stem` gives the id back.

    Raises
    ------
    DataError
        If the id holds characters that no file name can (lone surrogates).

    Examples
    --------
    >>> [escape_id(i) for i in ("001", "../x", "50%", "nul", "", "cell_mask")]
    ['001', '%2E.%2Fx', '50%25', '%6Eul', '%', 'cell%5Fmask']
    """
    try:
        os.fsencode(image_id)
    except UnicodeEncodeError as problem:
        raise DataError(f"image id {image_id!r} cannot be a file name: {problem.reason}") from None
    if not image_id:
        return _EMPTY
    stem = _UNSAFE.sub(lambda found: _escape(found[0]), image_id)
    if _RESERVED.match(stem):
        stem = _escape(stem[0]) + stem[1:]
    if _OME.search(stem):
        stem = _escape(".").join(stem.rsplit(".", 1))
    if strip_suffix(stem) != stem:
        stem = _escape("_").join(stem.rsplit("_", 1))
    return stem


def _escape(character: str) -> str:
    return f"%{ord(character):02X}"


def unescape_id(stem: str) -> str:
    """Undo `escape_id`; stems that it never makes stay as they are.

    Examples
    --------
    >>> unescape_id("%2E.%2Fx"), unescape_id("50% done")
    ('../x', '50% done')
    """
    if stem == _EMPTY:
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), stem)


def id_of_stem(stem: str) -> str:
    """Image id that a label file stands for, by its name without the ending.

    Examples
    --------
    >>> id_of_stem("a_masks"), id_of_stem("a_masks.ome")
    ('a', 'a')
    """
    return _composed(strip_suffix(_OME.sub("", stem)))


def id_of_image(stem: str) -> str:
    """Image id of an image file, by its name without the ending; suffixes belong to it.

    Examples
    --------
    >>> id_of_image("a.ome"), id_of_image("a_mask")
    ('a', 'a_mask')
    """
    return _composed(_OME.sub("", stem))


def _composed(stem: str) -> str:
    return unicodedata.normalize("NFC", unescape_id(stem))


def id_of_file(file_name: str) -> str:
    """Image id of a file name: without folders, ending, and suffix of a tool.

    Examples
    --------
    >>> id_of_file("train/a.png"), id_of_file("img_1.2"), id_of_file("b_masks.ome.tif")
    ('a', 'img_1.2', 'b')
    """
    base = file_name.replace("\\", "/").rpartition("/")[2]
    return id_of_stem(_IMAGE_ENDING.sub("", base) or base)


def alike(ids: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of different ids that are the same but for upper and lower case or Unicode's form.

    Examples
    --------
    >>> alike(["A1", "b"], ["a1", "b"])
    [('A1', 'a1')]
    """
    by_fold: dict[str, list[str]] = {}
    for other in others:
        by_fold.setdefault(_folded(other), []).append(other)
    found = ((one, other) for one in ids for other in by_fold.get(_folded(one), ()))
    return [(one, other) for one, other in found if one != other]


def alike_text(pairs: Sequence[tuple[str, str]], before: str = "") -> str:
    """Say that ids differ only in case, with some text before it; nothing if there are none.

    Examples
    --------
    >>> alike_text([("A1", "a1")])
    "'A1' and 'a1' differ only in upper and lower case: rename one if they are the same image"
    """
    if not pairs:
        return ""
    one, other = pairs[0]
    more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
    return (
        f"{before}{one!r} and {other!r} differ only in upper and lower case{more}: "
        "rename one if they are the same image"
    )


def _folded(image_id: str) -> str:
    return unicodedata.normalize("NFC", image_id).casefold()


def first_ids(ids: Sequence[str], most: int = 10) -> str:
    """Name the first few ids in a message, and say how many more there are.

    Examples
    --------
    >>> first_ids(["a", "b", "c"], 2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name) for name in ids[:most])
    more = len(ids) - most
    return f"{shown} and {more} more" if more > 0 else shown
