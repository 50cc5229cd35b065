"""Score and fuse nucleus (and cell) instance segmentations.

>>> import nucfuse as nf
>>> truth, pred = np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])
>>> nf.score(truth, pred).dsb_ap
0.5
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public names and their homes (module, or module:own_name). Loaded when first used, so that
# `import nucfuse` and the command line's help cost no numpy.
_HOMES = {
    "Instances": "nucfuse.masks.instances",
    "Overlaps": "nucfuse.masks.overlap",
    "overlaps": "nucfuse.masks.overlap",
    "mask_iou": "nucfuse.masks.overlap",
    "self_overlaps": "nucfuse.masks.overlap",
    "RLEError": "nucfuse.masks.rle",
    "encode_labels": "nucfuse.masks.codec",
    "decode_labels": "nucfuse.masks.codec",
    "rle_encode": "nucfuse.masks.codec",
    "rle_decode": "nucfuse.masks.codec",
    "remove_overlaps": "nucfuse.clean.overlaps",
    "fuse": "nucfuse.ensemble.fuse",
    "nms": "nucfuse.ensemble.nuclei.nms:mask_nms",
    "nms_indices": "nucfuse.ensemble.nuclei.nms",
    "soft_nms": "nucfuse.ensemble.nuclei.nms",
    "matrix_nms": "nucfuse.ensemble.nuclei.nms",
    "mean_maps": "nucfuse.ensemble.maps.fuse_maps",
    "predict": "nucfuse.models.predict",
    "load_model": "nucfuse.models.load",
    "Inference": "nucfuse.models.inference.settings",
    "score": "nucfuse.metrics.scoring",
    "Scores": "nucfuse.metrics.scores",
    "open_dataset": "nucfuse.data.layouts",
    "write_dataset": "nucfuse.data.layouts",
    "DataError": "nucfuse.errors",
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from nucfuse.clean.overlaps import remove_overlaps
    from nucfuse.data.layouts import open_dataset, write_dataset
    from nucfuse.ensemble.fuse import fuse
    from nucfuse.ensemble.maps.fuse_maps import mean_maps
    from nucfuse.ensemble.nuclei.nms import mask_nms as nms
    from nucfuse.ensemble.nuclei.nms import matrix_nms, nms_indices, soft_nms
    from nucfuse.errors import DataError
    from nucfuse.masks.codec import decode_labels, encode_labels, rle_decode, rle_encode
    from nucfuse.masks.instances import Instances
    from nucfuse.masks.overlap import Overlaps, mask_iou, overlaps, self_overlaps
    from nucfuse.masks.rle import RLEError
    from nucfuse.metrics.scores import Scores
    from nucfuse.metrics.scoring import score
    from nucfuse.models.inference.settings import Inference
    from nucfuse.models.load import load_model
    from nucfuse.models.predict import predict


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nucfuse' has no attribute {name!r}")
    module, _, own_name = _HOMES[name].partition(":")
    value = getattr(import_module(module), own_name or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
