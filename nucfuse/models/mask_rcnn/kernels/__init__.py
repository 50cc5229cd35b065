"""Compiled loops: `matching` of boxes to true ones, `pasting` of masks into images."""
