"""Which nuclei the anchors of a Mask R-CNN cover, as text and for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nucfuse.models.mask_rcnn.coverage import COVERED, Coverage
from nucfuse.report.tables import plain_table

Covered = Mapping[str, Sequence[Coverage]]


def anchors_dict(covered: Covered) -> dict[str, Any]:
    """``{"anchors": …}`` by preset and scale, empty if nothing was asked for."""
    if not covered:
        return {}
    return {
        "anchors": {
            name: {"resized" if one.scaled else "native": one.to_dict() for one in coverages}
            for name, coverages in covered.items()
        }
    }


def anchors_text(covered: Covered) -> list[str]:
    """Write a part for each preset: a table by size, for each scale, and what is left out."""
    return [_preset(name, one) for name, coverages in covered.items() for one in coverages]


def _preset(name: str, one: Coverage) -> str:
    config = one.config
    scale = f"images resized to {config.size}" if one.scaled else "images as they are"
    title = (
        f"anchors of {name}, {scale}: {_listed(config.anchor_sizes)} px at strides "
        f"{_listed(config.strides)}, height over width {_listed(config.ratios)}"
    )
    table = one.by_size()
    rows = [
        (
            _range(row["from"], row["to"]), str(row["boxes"]), _percent(row["share"]),
            _share(row["covered_50"]), _share(row["covered_70"]),
        )
        for row in table.to_dict("records")
    ]  # fmt: skip
    half, most = (_share(one.covered(iou)) for iou in COVERED)
    rows.append(("all", str(len(one.sizes)), "", half, most))
    columns = ("nuclei of size (px)", "nuclei", "", "covered at IoU 0.5", "at 0.7")
    left_out = table[table["left_out"]]
    lines = ["", title, plain_table(columns, rows).rstrip("\n")]
    if len(left_out):
        sizes = ", ".join(_range(*ends) for ends in _joined(left_out[["from", "to"]].to_numpy()))
        lines.append(
            f"left out (fewer than half covered at 0.5): {sizes} px, "
            f"{_percent(left_out['share'].sum())} of the nuclei"
        )
    lines += [
        f"no anchor size between {low:g} and {high:g} px, where {_percent(share)} of the nuclei are"
        for low, high, share in one.gaps()
    ]
    return "\n".join(lines)


def _joined(ranges: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    """Ranges of sizes, those that follow each other as one."""
    joined: list[tuple[float, float]] = []
    for low, high in ranges.tolist():
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _range(low: float, high: float) -> str:
    return f"{low:g} and more" if high == np.inf else f"{low:g} to {high:g}"


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.1%}"


def _share(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.3f}"
