"""What lies at a path that is in no known format, in words, and what to do about it."""

import os
from collections import Counter
from pathlib import Path

from nucfuse.data.readers.raster import LABEL_SUFFIXES

# Ending -> what such files are, and what to do.
_KINDS = {
    **dict.fromkeys(
        (".jpg", ".jpeg"),
        ("photographs (JPEG)", "name the folder of their masks; JPEG cannot hold label images"),
    ),
    **dict.fromkeys(
        (".czi", ".nd2", ".lif", ".oib", ".vsi", ".svs", ".ndpi", ".mrxs", ".scn", ".ims", ".zarr"),
        ("images in a microscope's own format", "export the masks as TIFF (Fiji, QuPath)"),
    ),
    **dict.fromkeys(
        (".doc", ".docx", ".odt", ".pdf", ".ppt", ".pptx", ".rtf"),
        ("documents", "name the masks themselves"),
    ),
    **dict.fromkeys(
        (".xls", ".xlsx", ".ods"),
        ("spreadsheets", "save a Kaggle table (ImageId, EncodedPixels) as CSV in UTF-8"),
    ),
    ".mat": (
        "MATLAB files",
        "save the label image in them as TIFF, in Python: scipy.io.loadmat(FILE)['inst_map']",
    ),
    ".xml": (
        "XML annotations (Aperio, PASCAL VOC)",
        "draw their outlines into label images (QuPath reads them), or convert them to COCO",
    ),
    **dict.fromkeys(
        (".geojson", ".roi"),
        ("outlines of QuPath or ImageJ", "export label images from there, or COCO"),
    ),
    **dict.fromkeys(
        (".h5", ".hdf5", ".hdf"), ("HDF5 files", "save the label images in them as TIFF")
    ),
    **dict.fromkeys((".pkl", ".pickle"), ("Python pickles", "save the label images as TIFF")),
    **dict.fromkeys(
        (".onnx", ".keras", ".pt", ".pth", ".weights"),
        ("networks", "predict with them first: nucfuse predict IMAGES --model FILE"),
    ),
    **dict.fromkeys((".gif", ".webp", ".heic"), ("pictures", "save label images as PNG or TIFF")),
    **dict.fromkeys(
        (".gz", ".tar", ".tgz", ".rar", ".7z", ".bz2"), ("packed files", "unpack them first")
    ),
    ".zip": ("zip files", "unpack them, and name the folder that holds the masks"),
    ".npz": ("arrays of NumPy", "save each label image as .npy or TIFF"),
    ".csv": ("tables", "a Kaggle CSV has the header ImageId,EncodedPixels: name the file itself"),
    ".json": ("JSON", "of a COCO document, name the file itself"),
    ".txt": ("texts", "name the masks themselves"),
    ".md": ("texts", "name the masks themselves"),
}
_BY_CONTENT = (
    (b"%PDF", ".pdf"), (b"\xff\xd8\xff", ".jpg"), (b"\x89HDF", ".h5"), (b"MATLAB", ".mat"),
    (b"GIF8", ".gif"), (b"\x1f\x8b", ".gz"), (b"Rar!", ".rar"), (b"7z\xbc\xaf", ".7z"),
    (b"\xd0\xcf\x11\xe0", ".doc"), (b"<?xml", ".xml"), (b"PK", ".zip"),
)  # fmt: skip
_ANY = "name label images (PNG, TIFF), one nucleus an id, or one of the formats below"


def found_there(path: Path) -> tuple[str, str]:
    """Say what a file or folder of no known format is, and what to do.

    Returns
    -------
    found, remedy : str

    Examples
    --------
    >>> found_there(Path("report.docx"))
    ('a file .docx: documents', 'name the masks themselves')
    """
    return _of_folder(path) if path.is_dir() else _of_file(path)


def _of_file(path: Path) -> tuple[str, str]:
    ending = path.suffix.lower()
    if ending not in _KINDS:
        ending = _ending_by_content(path) or ending
    what = f"a file {path.suffix.lower()}" if path.suffix else "a file without an ending"
    if ending not in _KINDS:
        return what, _ANY
    kind, remedy = _KINDS[ending]
    return f"{what}: {kind}", remedy


def _ending_by_content(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    return next((ending for magic, ending in _BY_CONTENT if head.startswith(magic)), None)


def _of_folder(folder: Path) -> tuple[str, str]:
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = sorted(entry.name for entry in visible if entry.is_dir())
    endings = Counter(Path(e.name).suffix.lower() for e in visible if e.is_file())
    counts = [f"{n} {ending or 'files without an ending'}" for ending, n in endings.most_common(3)]
    if folders:
        counts.append(
            f"{len(folders)} folders ({', '.join(folders[:3])}{' …' * (len(folders) > 3)})"
        )
    inner = [name for name in folders if _holds_labels(folder / name)]
    if inner:
        return ", ".join(counts), f"name one folder of label images, such as {folder / inner[0]}"
    known = [ending for ending, _ in endings.most_common() if ending in _KINDS]
    if not known:
        return ", ".join(counts) or "nothing", _ANY
    kind, remedy = _KINDS[known[0]]
    return f"{', '.join(counts)}: {kind}", remedy


def _holds_labels(folder: Path) -> bool:
    try:
        return any(name.lower().endswith(LABEL_SUFFIXES) for name in os.listdir(folder))  # noqa: PTH208
    except OSError:
        return False
