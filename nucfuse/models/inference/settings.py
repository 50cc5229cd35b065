"""How trained networks are run over images: scale, tiles, views, threads."""

import math
from typing import Any, Literal

import attrs

from nucfuse.models.inference.views import VIEWS
from nucfuse.settings import checked, number, numbers, switch, to_table


def _is_diameter(value: Any) -> bool:
    is_number = hasattr(value, "__float__") and not isinstance(value, bool)
    return value in ("auto", "native") or (is_number and 0 < value < float("inf"))


def _is_side_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, int) and value >= 0)


@attrs.frozen
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
    timeout : float
        Seconds that the networks may take for one image; by default without end.

    Raises
    ------
    DataError
        A ValueError. If a number is out of range.
    """

    tta: bool = switch(False)
    scales: tuple[float, ...] = numbers((1.0,), (1, 100), 0.25, 4)
    diameter: float | Literal["auto", "native"] = checked(
        "auto", _is_diameter, "'auto', 'native' or a number of pixels above 0"
    )
    tile: int = number(1024, 0)
    resize: int | None = checked(None, _is_side_or_none, "a whole number of pixels from 0, or None")
    threads: int = number(1, 1)
    timeout: float = number(math.inf, 0.001)

    @property
    def positions(self) -> int:
        """How many flips and turns of each image are seen."""
        return VIEWS if self.tta else 1

    @property
    def n_views(self) -> int:
        """How often each image is seen."""
        return self.positions * len(self.scales)

    @property
    def is_plain(self) -> bool:
        """Whether each image is seen once and at one scale."""
        return not self.tta and self.scales == (1.0,)

    @property
    def given(self) -> dict[str, Any]:
        """Those that are not the default and on which a result depends."""
        default = Inference().to_dict()
        return {name: v for name, v in self.to_dict().items() if v != default[name]}

    def to_dict(self) -> dict[str, Any]:
        """All but threads and timeout, on which no result depends, as JSON can hold it."""
        table = to_table(self)
        return {name: v for name, v in table.items() if name not in ("threads", "timeout")}
