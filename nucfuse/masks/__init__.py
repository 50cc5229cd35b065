"""The masks of one image: run-length instances, label images, RLE, overlaps."""
