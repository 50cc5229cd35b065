"""Files of one kind, read strictly: all of it or one error, and never more memory than it may ask.

- `raster`: a label image or image of any kind, told by its content.
- `png`, `tiff`, `bmp`, `jpeg`, `npy`: the kinds; `kernels/`: their compiled loops.
- `archive`: members of zip files; `npz`: arrays in nucfuse's ``.npz`` files.
- `allocation`: how much memory a header may ask for.
"""
