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

`predict` is public as `nucfuse.predict`.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.models.inference.settings import Inference
    from nucfuse.models.load import default_model, load_model, model_names
    from nucfuse.models.segmenter import Segmenter, as_rgb
    from nucfuse.models.trained import TrainedSegmenter

__getattr__, __dir__, __all__ = attach(__name__)
