"""Files of one kind, read strictly: all of it or one error, and never more memory than it may ask.

- `raster`: a label image or image of any kind; `decode`: its pixels as stored, told by its content;
  `headers`: sizes, and how many images a file holds; `stack`: which axes count images.
- `png`, `tiff`, `bmp`, `jpeg`, `npy`: the kinds; `kernels/`: their compiled loops.
- `archive`: members of zip files; `npz`: arrays in nucfuse's ``.npz`` files.
- `files`: whole contents and names in folders; `allocation`: how much memory a header may ask for.
"""
