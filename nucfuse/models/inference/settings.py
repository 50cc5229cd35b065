"""How trained networks are run over images: scale, tiles, views, threads."""

from dataclasses import dataclass
from typing import Any, Literal

from nucfuse.models.inference.views import VIEWS


@dataclass(frozen=True, slots=True)
class Inference:
    """How networks are run.

    Attributes
    ----------
    tta : bool
        Whether the image is seen in all eight flips and right-angle turns.
    scales : tuple of float
        Factors by which it is resampled, besides; the maps are averaged.
    diameter : "auto", "native" or float
        Of the nuclei in pixels. "auto" measures it in a first pass. Where it is outside of what the
        network was trained on, the image is rescaled to the nearer bound. "native" never rescales.
    tile : int
        Side of the tiles of large images; 0: none is cut.
    resize : int or None
        Every image is resized to a square of that side, and the maps back, as in the 2018 study;
        None: as the card says, 0: never.
    threads : int
        Cores for one image.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    tta: bool = False
    scales: tuple[float, ...] = (1.0,)
    diameter: float | Literal["auto", "native"] = "auto"
    tile: int = 1024
    resize: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.scales or not all(0.25 <= s <= 4 for s in self.scales):
            raise ValueError(f"scales must be numbers in [0.25, 4], got {self.scales}")
        if isinstance(self.diameter, str):
            if self.diameter not in ("auto", "native"):
                raise ValueError(
                    "diameter must be 'auto', 'native' or a number of pixels above 0, got "
                    f"{self.diameter!r}"
                )
        elif not 0 < self.diameter < float("inf"):
            raise ValueError(f"diameter must be a number of pixels above 0, got {self.diameter}")
        for name, value in (("tile", self.tile), ("resize", self.resize or 0)):
            if value < 0:
                raise ValueError(f"{name} must be a whole number of pixels from 0, got {value}")

    @property
    def positions(self) -> int:
        """How many flips and turns of each image are seen."""
        return VIEWS if self.tta else 1

    @property
    def n_views(self) -> int:
        """How often each image is seen."""
        return self.positions * len(self.scales)

    def to_dict(self) -> dict[str, Any]:
        """All but the threads, on which no result depends, as JSON can hold it."""
        return {
            "tta": self.tta,
            "scales": list(self.scales),
            "diameter": self.diameter,
            "tile": self.tile,
            "resize": self.resize,
        }
