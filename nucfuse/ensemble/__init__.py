"""Fusing the outputs of several models into one better segmentation."""
