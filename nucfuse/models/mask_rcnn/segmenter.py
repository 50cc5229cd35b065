"""Trained Mask R-CNNs as a `Segmenter`: one, or several whose nuclei are voted on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.clean.selection import select
from nucfuse.ensemble.nuclei.methods import fuse_instances
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn.inference.graphs import Graphs
from nucfuse.models.mask_rcnn.inference.runner import Runner
from nucfuse.models.segmenter import as_rgb

# How the nuclei of several views or networks are fused, see `nucfuse.ensemble.nuclei.weighted`.
FUSION: dict[str, Any] = {"method": "weighted", "iou": 0.5, "threshold": 0.5, "absent": 1.0}
# Lowest confidence of what takes part in a vote; what one view alone finds needs more. On 44 images
# that the network had not seen, eight views gave dsb_ap 0.527 at 0.7, 0.533 at 0.5, 0.526 at 0.3.
VOTE_FROM = 0.5


class MaskRCNNSegmenter:
    """Finds nuclei by one or more Mask R-CNNs.

    Parameters
    ----------
    cards : sequence of Card
        Of Mask R-CNNs. What several of them find, and each of them in several views, is fused by
        weighted mask fusion.
    name : str
        What the model is called.
    settings : Inference
        How the networks are run.

    Raises
    ------
    DataError
        If there is no network, one is no Mask R-CNN, or one cannot be loaded (see `Graphs`).
    """

    def __init__(self, cards: Sequence[Card], name: str, settings: Inference | None = None) -> None:
        if not cards or any(card.kind != "mask_rcnn" for card in cards):
            raise DataError(
                f"model {name!r} needs Mask R-CNNs, got {[card.kind for card in cards]}"
            )
        self.name, self.cards = name, tuple(cards)
        self.settings = settings or Inference()
        votes = len(cards) > 1 or self.settings.n_views > 1
        least = VOTE_FROM if votes else 1.0
        self._runners = [
            Runner(Graphs(card, self.settings.threads), self.settings, least) for card in cards
        ]

    def with_settings(self, **changes: Any) -> "MaskRCNNSegmenter":
        """The same model, run with other settings; see `Inference`."""
        settings = replace(self.settings, **changes)
        return self if settings == self.settings else type(self)(self.cards, self.name, settings)

    def describe(self) -> dict[str, Any]:
        """All that the result depends on, for JSON."""
        return {
            "model": self.name,
            "cards": [card.identity for card in self.cards],
            **self.settings.to_dict(),
            "fusion": {**FUSION, "vote_from": VOTE_FROM},
            "select": dict(self.cards[0].select),
        }

    def predict(self, image: ArrayLike) -> Instances:
        """Nuclei of one image, with scores.

        Parameters
        ----------
        image : array_like, shape (H, W, 3) or (H, W)
            RGB or grey; see `as_rgb` for other dtypes than uint8.

        Returns
        -------
        Instances
            Disjoint: a pixel of two nuclei is the one's of higher score.
        """
        rgb = as_rgb(image)
        views = [nuclei for runner in self._runners for nuclei in runner.views_of(rgb)]
        nuclei = views[0] if len(views) == 1 else fuse_instances(views, **FUSION).instances
        kept = select(remove_overlaps(nuclei), **self.cards[0].select)
        return kept.with_source(self.name)
