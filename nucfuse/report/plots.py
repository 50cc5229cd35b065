"""Plots of a data set's statistics, by matplotlib."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.data.modality import MODALITIES, UNKNOWN
from nucfuse.data.statistics import Exploration
from nucfuse.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart.
_COLOURS = dict(
    zip((*MODALITIES, UNKNOWN), ("#0072B2", "#D55E00", "#009E73", "#777777"), strict=True)
)
_BINS = 40


def check_plotting() -> None:
    """DataError if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DataError("plots need matplotlib: pip install 'nucfuse[report]'") from None


def exploration_plots(result: Exploration) -> "dict[str, Figure]":
    """Figures by name: sizes of nuclei, nuclei per image, crowding, and sizes of images.

    Raises
    ------
    DataError
        If matplotlib is not installed.
    """
    check_plotting()
    images = result.images
    crowded = images[images["n_nuclei"] > 0]
    touching = crowded.assign(percent=100 * crowded["touching"] / crowded["n_nuclei"])
    return {
        "nucleus_diameter": _histogram(
            result.nuclei, "diameter", "diameter of a disc of the same area (pixels)", "nuclei"
        ),
        "nuclei_per_image": _histogram(
            crowded, "n_nuclei", "nuclei in an image that has any", "images"
        ),
        "touching": _histogram(
            touching, "percent", "nuclei that touch another (percent of an image's)", "images",
            np.linspace(0, 100, 26),
        ),
        "image_sizes": _bars(result.by_source()),
    }  # fmt: skip


def _histogram(
    table: pd.DataFrame, column: str, x_label: str, y_label: str,
    bins: NDArray[np.float64] | None = None,
) -> "Figure":  # fmt: skip
    """One panel per modality, as the rare ones would not be seen above the frequent."""
    kinds = [kind for kind in _COLOURS if (table["modality"] == kind).any()]
    figure = _figure(1.2 + 1.5 * max(len(kinds), 1))
    panels = figure.subplots(max(len(kinds), 1), 1, sharex=True, squeeze=False)[:, 0]
    is_log = bins is None
    edges = _log_bins(table[column]) if bins is None else bins
    for panel, kind in zip(panels, kinds, strict=False):
        values = table.loc[table["modality"] == kind, column]
        panel.hist(values.clip(edges[0], edges[-1]), edges, color=_COLOURS[kind], linewidth=0)
        panel.axvline(values.median(), color="black", linewidth=1, linestyle="--")
        said = f"{kind}: {len(values)} {y_label}, median {values.median():.3g}"
        panel.set_title(said, loc="left", fontsize=9)
        panel.set_ylabel(y_label)
        _plain(panel)
    if is_log:
        panels[-1].set_xscale("log")
        panels[-1].xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel(x_label)
    return figure


def _bars(sources: pd.DataFrame) -> "Figure":
    figure = _figure(1.2 + 0.32 * len(sources))
    panel = figure.subplots()
    colours = [_COLOURS[source.rpartition(" ")[2]] for source in sources["source"]]
    bars = panel.barh(sources["source"], sources["images"], color=colours)
    panel.bar_label(bars, padding=3, fontsize=8)
    panel.invert_yaxis()
    panel.set_xlabel("images")
    panel.set_ylabel("height x width, modality")
    _plain(panel)
    return figure


def _log_bins(values: "pd.Series[Any]") -> NDArray[np.float64]:
    low, high = max(values.min(), 1), max(values.max(), 2) if len(values) else 2
    edges: NDArray[np.float64] = np.geomspace(low, high * 1.01, _BINS + 1)
    return edges


def _figure(height: float) -> "Figure":
    # Not through pyplot, which keeps figures and looks for a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(7, height), layout="constrained")


def _plain(panel: "Axes") -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.02)
