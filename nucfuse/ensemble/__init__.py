"""Fusing what several models say about one image, and sending each kind of image to its models.

- `fuse`: label images, `Instances` or probability maps in, the same kind out; `agreement`: how far
  models agree, and which nuclei a person should look at.
- `nuclei`: methods that fuse nuclei, with their settings and provenance, and suppression.
- `maps`: fusion of probability maps, pixel by pixel.
- `boxes`: suppression and weighted fusion of plain boxes.
- `routing`: which kind of image this is, and what becomes of each kind.
- `kernels`: the compiled loops under all of these.
"""
