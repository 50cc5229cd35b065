"""Image files made byte by byte, so that tests can break them where they want."""

import io
import struct
import zlib

import numpy as np
import tifffile

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Image ids that are hard to make file names of.
ODD_IDS = [
    "../x", "/etc/passwd", "..", ".", "", ".hidden", "a/b", "a\\b", "nul\0byte", "con", "LPT1.txt",
    "001", "1e3", "NA", "nan", "Zelle µ 細胞 🔬", "50%", "%2F", "%", "%25", "a b ", "end.",
    "new\nline", "x_mask", "x_cp_masks", "x_mask_mask", "_mask", "x%5Fmask", "a.png", "a.b.tif",
    "C:x", "-rf", "~",
]  # fmt: skip


def chunk(kind, content):
    """One part of a PNG with its length and checksum."""
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png_header(height, width, depth=8, colour=GREY, interlace=0):
    return SIGNATURE + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    )


def pack_rows(values, depth):
    """(H, W * C) numbers -> the bytes of each row, as PNG packs them."""
    rows = []
    for row in values:
        bits = "".join(format(int(v), f"0{depth}b") for v in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    return rows


def filtered(rows, filters, step):
    """Apply a PNG filter to each row, straight from the definition."""
    result = b""
    above = bytes(len(rows[0]))
    for row, kind in zip(rows, filters, strict=True):
        line = bytearray()
        for x, value in enumerate(row):
            left = row[x - step] if x >= step else 0
            corner = above[x - step] if x >= step else 0
            up = above[x]
            p = left + up - corner
            paeth = min((left, up, corner), key=lambda v: abs(p - v))  # ties: the first of these
            guess = [0, left, up, (left + up) // 2, paeth][kind]
            line.append((value - guess) % 256)
        result += bytes([kind]) + line
        above = row
    return result


def make_png(values, depth=8, colour=GREY, filters=None, palette=None, parts=1):
    """A PNG of numbers (H, W) or (H, W, C), stored as they are."""
    values = np.asarray(values)
    height, width = values.shape[:2]
    rows = pack_rows(values.reshape(height, -1), depth)
    step = max(1, CHANNELS[colour] * depth // 8)
    packed = zlib.compress(filtered(rows, filters or [0] * height, step))
    size = -(-len(packed) // parts)
    data = png_header(height, width, depth, colour)
    if palette is not None:
        data += chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes())
    for k in range(parts):
        data += chunk(b"IDAT", packed[k * size : (k + 1) * size])
    return data + chunk(b"IEND", b"")


def make_npy(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def npy_with_header(text, content=b"", version=1):
    """npy data with any header text."""
    head = text.encode("latin-1") + b"\n"
    length = len(head).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + head + content


def make_tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def make_bmp(values, upwards=True):
    """8-bit (H, W) or 24/32-bit (H, W, 3 or 4) RGB(A)."""
    values = np.asarray(values, np.uint8)
    height, width = values.shape[:2]
    bits = 8 if values.ndim == 2 else 8 * values.shape[2]
    if values.ndim == 3:
        values = np.concatenate([values[:, :, 2::-1], values[:, :, 3:]], axis=2)
    palette = b"".join(bytes([k, k, k, 0]) for k in range(256)) if bits == 8 else b""
    offset = 54 + len(palette)
    rows = [row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in values]
    pixels = b"".join(rows[::-1] if upwards else rows)
    header = struct.pack(
        "<2sIHHIIiiHHIIiiII", b"BM", offset + len(pixels), 0, 0, offset, 40, width,
        height if upwards else -height, 1, bits, 0, len(pixels), 0, 0, 0, 0,
    )  # fmt: skip
    return header + palette + pixels
