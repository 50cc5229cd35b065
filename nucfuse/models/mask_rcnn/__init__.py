"""Mask R-CNN (He et al. 2017, https://doi.org/10.1109/ICCV.2017.322), one part per file."""
