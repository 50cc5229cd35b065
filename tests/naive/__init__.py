"""Slow and obvious twins of every kernel, restated from the definitions to test against.

Nothing in this package comes from nucfuse. One module for each room: `masks`, `clean`, `metrics`,
`ensemble` (and `agreement`), `maps` (probability maps and the nuclei made of them), `detection` and
`mask_rcnn_layers` (Mask R-CNN), `training`.
"""
