"""The layers: `resnet`, `small_backbone`, `fpn`, `rpn`, `roi_align`, `roi_pool`, `heads`.

`network` makes one Keras model of them.
"""
