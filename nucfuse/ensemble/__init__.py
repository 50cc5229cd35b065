"""Fusing what several models say about one image, and sending each kind of image to its models.

- `fuse`: label images, `Instances` or probability maps in, the same kind out; `agreement`: how far
  models agree, and which nuclei a person should look at.
- `nuclei`: methods that fuse nuclei, with their settings and provenance, and suppression.
- `maps`: fusion of probability maps, pixel by pixel.
- `boxes`: suppression and weighted fusion of plain boxes.
- `routing`: which kind of image this is, and what becomes of each kind.
- `kernels`: the compiled loops under all of these.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.ensemble.agreement import (
        Agreement,
        Equivocal,
        agreement_map,
        equivocal,
        nucleus_agreement,
    )
    from nucfuse.ensemble.boxes.boxes import BoxFusion, fuse_boxes, nms_boxes
    from nucfuse.ensemble.fuse import Fused, FusionSettings, fuse_members
    from nucfuse.ensemble.maps.fuse_maps import fuse_maps, mean_maps
    from nucfuse.ensemble.maps.streaming import MeanAccumulator
    from nucfuse.ensemble.nuclei.methods import METHODS, fuse_instances
    from nucfuse.ensemble.nuclei.provenance import Fusion, Outcome
    from nucfuse.ensemble.nuclei.suppression import mask_nms, matrix_nms, nms_indices, soft_nms
    from nucfuse.ensemble.routing.router import Decision, Router, fit_router
    from nucfuse.ensemble.routing.router_file import default_router, read_router, write_router

__getattr__, __dir__, __all__ = attach(__name__)
