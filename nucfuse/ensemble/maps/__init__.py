"""Fusion of probability maps: `fuse_maps` of all at once, `streaming` of one at a time.

`weights` holds the checks of the weights of models and of their pixels.
"""
