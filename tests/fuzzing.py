"""Real files of every format, changed at random; any change gives a DataError or some result."""

import io
import json
import logging
import struct
import time
import zipfile
import zlib
from pathlib import Path

import imagecodecs
import made_files as made
import numpy as np
import tifffile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from nucfuse.data.dataset import Sample
from nucfuse.data.formats import coco, dsb, kaggle, npz, probabilities
from nucfuse.data.readers.headers import image_size, images_in
from nucfuse.data.readers.raster import read_image, read_labels, read_pixels
from nucfuse.data.readers.stack import image_frames, label_frames
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # pytest would keep all it says

SLOWEST = 20  # seconds for one file, uncompiled
LABELS = (np.add.outer(np.arange(9), np.arange(7)) // 3).astype(np.uint16)
STACK = np.stack([LABELS, LABELS.T[:7, :9].T, LABELS[::-1]])
NUCLEI = Instances.from_labels(LABELS, scores=[0.5] * 4, classes=[1, 2, 1, 2])

# What parsers stumble over: ends of number ranges, and signs of text formats.
_ODD = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\x80" * 8]
_SIGNS = [b'"', b",", b"\n", b"{", b"]", b"-1", b"1e999", b"NaN", b"null", b"9" * 30, b"\xc3"]


@st.composite
def mutations(draw, data):
    """A file with a few bytes changed, put in, taken out, repeated, or cut off."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(changed) - 1, 0)))
        kind = draw(st.sampled_from(["bit", "byte", "odd", "put", "take", "again", "cut"]))
        if kind == "bit" and changed:
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte" and changed:
            changed[at] = draw(st.integers(0, 255))
        elif kind in ("odd", "put"):
            piece = draw(st.sampled_from(_ODD + _SIGNS))
            changed[at : at + (len(piece) if kind == "odd" else 0)] = piece
        elif kind == "take":
            del changed[at : at + draw(st.integers(1, 16))]
        elif kind == "again":
            changed[at:at] = changed[at : at + draw(st.integers(1, 64))]
        elif kind == "cut" and draw(st.integers(0, 3)) == 0:
            del changed[at:]
    return bytes(changed)


def _tiff(array=LABELS, **options):
    return made.make_tiff(array, **{"photometric": "minisblack", **options})


def _series():
    out = io.BytesIO()
    with tifffile.TiffWriter(out, ome=True) as file:
        for image in STACK:
            file.write(image, metadata={"axes": "YX"})
    return out.getvalue()


def _written(module, name, masks=NUCLEI):
    def make(folder):
        module.write(folder / name, [Sample("a", masks), Sample("b", masks)])
        return (folder / name).read_bytes()

    return make


def _probability_map(folder):
    probabilities.write_probabilities(folder / "a.npz", np.full((1, 4, 5), 0.5), ["nucleus"])
    return (folder / "a.npz").read_bytes()


def _dsb_zip(folder):
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/images/a.png", made.make_png(LABELS, 8))
        for k in (1, 2, 3):
            file.writestr(f"a/masks/{k}.png", made.make_png((k == LABELS) * 255))
    return (folder / "a.zip").read_bytes()


PNGS = [
    made.make_png(LABELS, 16), made.make_png(LABELS, 4),
    made.make_png(LABELS * 30, 8, filters=[4] * 9),
    made.make_png(LABELS, 4, made.PALETTE, palette=np.arange(48).reshape(16, 3)),
    made.make_png(np.stack([LABELS] * 4, 2), 8, made.RGBA),
    made.png_header(9, 7, 8, interlace=1) + made.chunk(b"IDAT", zlib.compress(bytes(90)))
    + made.chunk(b"IEND", b""),
]  # fmt: skip
TIFFS = [
    _tiff(), _tiff(compression="zlib", predictor=True), _tiff(byteorder=">"), _tiff(bigtiff=True),
    _tiff(compression="zstd"), _tiff(compression="packbits"), _tiff(tile=(16, 16)), _series(),
    _tiff(STACK, imagej=True, metadata={"axes": "TYX"}), _tiff(STACK, metadata={"axes": "ZYX"}),
    _tiff(STACK, ome=True, metadata={"axes": "TYX"}, compression="zlib"),
    _tiff(STACK, metadata=None),
    _tiff(STACK.astype(np.uint8), photometric="rgb", planarconfig="separate"),
]  # fmt: skip
# Name -> files or what writes one, and the ending it is read by.
FORMATS = {
    "png": (PNGS, ".png"),
    "tiff": (TIFFS, ".tif"),
    "lzw": ([_tiff(compression="lzw"), _tiff(STACK, compression="lzw", rowsperstrip=2)], ".tif"),
    "bmp": ([made.make_bmp(LABELS), made.make_bmp(np.stack([LABELS] * 3, 2))], ".bmp"),
    "jpeg": ([imagecodecs.jpeg8_encode(LABELS.astype(np.uint8))], ".jpg"),
    "npy": ([made.make_npy(LABELS), made.make_npy(np.asfortranarray(STACK))], ".npy"),
    "npz": ([_written(npz, "a.npz"), _probability_map], ".npz"),
    "csv": ([_written(kaggle, "a.csv")], ".csv"),
    "coco": ([_written(coco, "a.json")], ".json"),
    "zip": ([_dsb_zip], ".zip"),
}
FORMATS["coco"][0].append(
    json.dumps({
        "images": [{"id": 1, "file_name": "a.png", "height": 9, "width": 7}],
        "categories": [{"id": 1, "name": "nucleus"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5.5]]},
            {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 1, "score": 0.5,
             "segmentation": {"size": [9, 7], "counts": [3, 4, 56]}},
        ],
    }).encode()
)  # fmt: skip


def files_of(name, folder):
    return [one(folder) if callable(one) else one for one in FORMATS[name][0]]


def mended(data, ending):
    """The same with right checksums, so that what lies behind them is reached."""
    if ending == ".png":
        return _png_with_checksums(data)
    return _zip_with_checksums(data) if ending in (".zip", ".npz") else data


def _png_with_checksums(data):
    fixed, at = bytearray(data), 8
    while at + 12 <= len(fixed):
        end = at + 12 + struct.unpack_from(">I", fixed, at)[0]
        if end > len(fixed):
            break
        fixed[end - 4 : end] = zlib.crc32(fixed[at + 4 : end - 4]).to_bytes(4, "big")
        at = end
    return bytes(fixed)


def _zip_with_checksums(data):
    """Checksums of what members are now, as far as the lists still tell where they lie."""
    fixed = bytearray(data)
    at = fixed.find(b"PK\1\2")
    while at >= 0 and at + 46 <= len(fixed):
        (method,) = struct.unpack_from("<H", fixed, at + 10)
        (packed,) = struct.unpack_from("<I", fixed, at + 20)
        (local,) = struct.unpack_from("<I", fixed, at + 42)
        if local + 30 <= len(fixed):
            begin = local + 30 + sum(struct.unpack_from("<HH", fixed, local + 26))
            content = _inflated(fixed[begin : begin + packed], method)
            struct.pack_into("<I", fixed, at + 16, zlib.crc32(content))
        at = fixed.find(b"PK\1\2", at + 4)
    return bytes(fixed)


def _inflated(content, method):
    if method != zipfile.ZIP_DEFLATED:
        return content
    try:
        return zlib.decompressobj(-15).decompress(content, 10**6)
    except zlib.error:
        return b""


def read_all(path):
    """Read a file in every way that its ending suggests."""
    if path.suffix in (".png", ".tif", ".bmp", ".jpg", ".npy"):
        _read_raster(path)
    else:
        module = {".npz": npz, ".csv": kaggle, ".json": coco, ".zip": dsb}[path.suffix]
        if module.matches(path):
            _quietly(_read_dataset, module, path)
        if path.suffix == ".npz":
            _quietly(probabilities.read_probabilities, path)


def _read_raster(path):
    data = path.read_bytes()
    for stack in (None, "volume", "frames"):
        _quietly(read_labels, data, "x", stack)
    for read in (read_image, read_pixels, image_size):
        _quietly(read, data, "x")
    if not data:
        return
    _quietly(image_size, path)
    for frames_of in (lambda axes: label_frames(axes, "frames"), image_frames):
        found = _quietly(images_in, path, frames_of)
        for _, place in found[0][:3] if found else ():
            for read in (read_labels, read_image):
                _quietly(read, path, place=place)


def _read_dataset(module, path):
    data = module.open_dataset(path, lambda image_id: (9, 7))
    for image_id in data.ids[:5]:
        for ask in (data.read, data.shape, data.image):
            _quietly(ask, image_id)


def _quietly(do, *args, **more):
    """Do something that may give a DataError, and nothing else."""
    try:
        return do(*args, **more)
    except DataError:
        return None


def fuzz(name, folder, seconds, examples=20):
    """Change files of a format, so many or for so long, whichever takes longer."""
    ending = FORMATS[name][1]
    files = files_of(name, folder)
    path = Path(folder, "changed" + ending)
    begin, n = time.monotonic(), 0
    while n == 0 or time.monotonic() - begin < seconds:

        @seed(n)
        @settings(
            max_examples=examples if seconds == 0 else 500, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.sampled_from(files).flatmap(mutations), st.booleans())
        def one_round(data, with_checksums):
            path.write_bytes(mended(data, ending) if with_checksums else data)
            started = time.monotonic()
            read_all(path)
            assert time.monotonic() - started < SLOWEST

        one_round()
        n += 1
