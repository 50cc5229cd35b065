"""Compiled loops of the readers: PNG filters, LZW streams, painting masks."""
