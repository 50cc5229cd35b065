"""What is shown of a run of training: its log as text, CSV and picture, and what it made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nucfuse.data.atomic_output import atomic_file


def epoch_text(row: dict[str, float]) -> str:
    """Show a row of the log on one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in row.items())


def run_text(card: Path, record: dict[str, Any], n_epochs: int, dsb_ap: float | None) -> str:
    """Sum up a run in one line.

    Parameters
    ----------
    card : Path
    record : dict
        What its card says of the training.
    n_epochs : int
    dsb_ap : float or None
        Of what was held out.
    """
    text = (
        f"{card}: {n_epochs} epochs, {record['steps']} steps in {record['seconds'] / 60:.1f} "
        f"minutes on {record['n_learn']} images; {record['n_held_out']} held out"
    )
    return text if dsb_ap is None else f"{text}: dsb_ap {dsb_ap:.4f}"


def write_log(out: Path, rows: Sequence[dict[str, float]]) -> None:
    """Write ``log.csv``, a row per epoch, and ``log.png``, its loss and score over the steps."""
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
