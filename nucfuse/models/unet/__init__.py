"""U-Nets (Ronneberger et al. 2015, https://doi.org/10.1007/978-3-319-24574-4_28).

`family` is the kind of network, `config` what can be set. The network: `network` of the `blocks`,
and the `heads`, each with its `targets`; `losses`, `validation`. Trained ones: `graph` (ONNX),
`runner` (one network over one image), `segmenter` (the model).

Public: `config.UNetConfig`, `config.UNetTraining`, `network.build_unet`, `segmenter.UNetSegmenter`.
"""
