"""From an image to nuclei: `fitting`, `graphs`, `proposals`, `detection`, `pasting`.

`finding` joins them for one image, `tiles` for a large one, `runner` for all that can be asked for.
"""
