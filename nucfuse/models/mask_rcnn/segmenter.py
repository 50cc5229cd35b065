"""Trained Mask R-CNNs as a model: one, or several whose nuclei are voted on."""

from collections.abc import Sequence
from typing import Any, NoReturn

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.clean.selection import select
from nucfuse.ensemble.nuclei.methods import fuse_instances
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Pixels
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn.inference.graphs import Graphs
from nucfuse.models.mask_rcnn.inference.runner import Runner
from nucfuse.models.trained import TrainedSegmenter

# How the nuclei of several views or networks are fused, see `nucfuse.ensemble.nuclei.weighted`.
FUSION: dict[str, Any] = {"method": "weighted", "iou": 0.5, "threshold": 0.5, "absent": 1.0}
# Lowest confidence of what takes part in a vote; what one view alone finds needs more. On 44 images
# that the network had not seen, eight views gave dsb_ap 0.527 at 0.7, 0.533 at 0.5, 0.526 at 0.3.
VOTE_FROM = 0.5


class MaskRCNNSegmenter(TrainedSegmenter):
    """Finds nuclei by one or more Mask R-CNNs.

    Parameters
    ----------
    cards : sequence of Card
        Of Mask R-CNNs. What several of them find, and each of them in several views, is fused by
        weighted mask fusion.
    name, settings
        See `TrainedSegmenter`.
    split : object
        Of U-Nets.

    Raises
    ------
    DataError
        If there is no network, or one cannot be loaded (see `Graphs`).
    """

    def __init__(
        self, cards: Sequence[Card], name: str, settings: Inference, split: Any = None
    ) -> None:
        super().__init__(cards, name, settings)
        if not cards:
            raise DataError(f"model {name!r} needs Mask R-CNNs, got none")
        votes = len(cards) > 1 or settings.n_views > 1
        least = VOTE_FROM if votes else 1.0
        self._runners = [Runner(Graphs(card, settings.threads), settings, least) for card in cards]

    def joining(self) -> dict[str, Any]:
        """Say how the nuclei of several views and networks are fused."""
        return {"fusion": {**FUSION, "vote_from": VOTE_FROM}}

    def find(self, rgb: Pixels) -> Instances:
        """Nuclei of one image; a pixel of two of them is the one's of higher score."""
        views = [nuclei for runner in self._runners for nuclei in runner.views_of(rgb)]
        nuclei = views[0] if len(views) == 1 else fuse_instances(views, **FUSION).instances
        kept = select(remove_overlaps(nuclei), **self.cards[0].select)
        return kept.with_source(self.name)

    def find_with_maps(self, rgb: Pixels) -> NoReturn:
        """Raise a DataError: there are none."""
        raise DataError(
            f"model {self.name!r} is a Mask R-CNN: it gives nuclei and no probability maps; "
            "leave --probabilities out, and fuse its nuclei (nucfuse fuse takes both)"
        )
