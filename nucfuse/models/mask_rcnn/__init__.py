"""Mask R-CNN (He et al. 2017, https://doi.org/10.1109/ICCV.2017.322), one part per file.

`family` is the kind of network, `config` what can be set; `anchors`, `box_coding` and `coverage`
are about boxes. `network` holds the layers, `training` targets, losses and the step, `inference`
what becomes of their outputs, `kernels` compiled loops; `export` writes graphs, `segmenter` is the
model.

Public: `config.MaskRCNNConfig`, `config.MaskRCNNTraining`, `config.preset`,
`network.network.build_mask_rcnn`, `coverage.coverage`, `segmenter.MaskRCNNSegmenter`.
"""
