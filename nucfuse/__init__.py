"""Score and fuse nucleus (and cell) instance segmentations.

>>> import nucfuse as nf
>>> truth, pred = np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])
>>> nf.score(truth, pred).dsb_ap
0.5
"""

import os
from typing import TYPE_CHECKING

from nucfuse._lazy import attach

__version__ = "0.1.0"

if not os.access(__path__[0], os.W_OK):  # where numba keeps compiled code first of all
    from nucfuse.kernels.cache_folder import ensure_cache_folder

    ensure_cache_folder()

if TYPE_CHECKING:
    from nucfuse.api import compare, score
    from nucfuse.clean.overlaps import remove_overlaps
    from nucfuse.data.io import open_dataset, read, write, write_dataset
    from nucfuse.ensemble.boxes.boxes import fuse_boxes, nms_boxes
    from nucfuse.ensemble.fuse import fuse
    from nucfuse.ensemble.maps.fuse_maps import fuse_maps, mean_maps
    from nucfuse.ensemble.nuclei.suppression import mask_nms as nms
    from nucfuse.ensemble.nuclei.suppression import matrix_nms, nms_indices, soft_nms
    from nucfuse.errors import DataError
    from nucfuse.masks.codec import decode_labels, encode_labels, rle_decode, rle_encode
    from nucfuse.masks.instances import Instances
    from nucfuse.masks.overlap import Overlaps, mask_iou, overlaps, self_overlaps
    from nucfuse.masks.rle import RLEError
    from nucfuse.metrics.comparison import Comparison
    from nucfuse.metrics.scores import Scores
    from nucfuse.models.inference.settings import Inference
    from nucfuse.models.load import load_model
    from nucfuse.models.predict import predict


__getattr__, __dir__, _names = attach(__name__)
__all__ = ["__version__", *_names]
