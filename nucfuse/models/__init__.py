"""Models: what finds nuclei in an image, and how networks are trained to.

- `segmenter`: what a model is, and the image it takes; `load`: models by name or path; `predict`:
  `nucfuse.predict`.
- `classical`: three without training (Otsu, local thresholds, Laplacian of Gaussian).
- `families`: the kinds of networks, one object for each; `unet` and `mask_rcnn`: the two there are.
- `trained`: what trained networks of every kind are as a model; `inference`: how they are run
  (scale, tiles, views, ONNX Runtime); `inputs`: what they see of an image.
- `training`: configs, crops, the loop, validation, checkpoints.
- `files`: cards, graphs and weights on disk; `weights`: those that the package ships.
- `arrays`, `style`, `precision`: types of arrays; how convolutions are made; their arithmetic.

Public: `load.load_model`, `load.model_names`, `load.default_model`, `predict.predict`,
`segmenter.Segmenter`, `segmenter.as_rgb`, `inference.settings.Inference`.
"""
