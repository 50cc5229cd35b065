"""The masks of one image: run-length instances, label images, RLE, overlaps.

- `instances` (its arrays: `mask_set`); `labels`, `probabilities`: what is accepted as an image of
  them; `overlap`: which masks share pixels.
- `rle`, `codec`, `polygons`, `crops`: other notations; `ranking`, `topology`: order and pieces.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.masks.codec import decode_labels, encode_labels, rle_decode, rle_encode
    from nucfuse.masks.instances import Instances
    from nucfuse.masks.labels import check_labels
    from nucfuse.masks.overlap import Overlaps, mask_iou, overlaps, self_overlaps
    from nucfuse.masks.probabilities import check_probabilities
    from nucfuse.masks.rle import RLEError

__getattr__, __dir__, __all__ = attach(__name__)
