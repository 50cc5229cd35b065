"""The log of a training run as CSV and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nucfuse.data.atomic_output import atomic_file


def write_log(out: Path, rows: Sequence[dict[str, float]]) -> None:
    """``log.csv``, a row per epoch, and ``log.png``, its loss and score over the steps."""
    table = pd.DataFrame(rows)
    with atomic_file(out / "log.csv") as part:
        table.to_csv(part, index=False, lineterminator="\n")
    figure = _curves(table)
    with atomic_file(out / "log.png") as part:
        figure.savefig(part, format="png", dpi=100)


def _curves(table: pd.DataFrame) -> Any:
    # Not pyplot: that would look for a screen.
    from matplotlib.figure import Figure

    figure = Figure((8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(table["step"], table["loss"], color="tab:blue")
    axes.set(xlabel="step", ylabel="loss (training)", yscale="log")
    if "dsb_ap" in table:
        score = axes.twinx()
        score.plot(table["step"], table["dsb_ap"], color="tab:orange", marker=".")
        score.set(ylabel="dsb_ap (validation)", ylim=(0, 1))
        score.yaxis.label.set_color("tab:orange")
    return figure
