"""Results as text for people."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from nucfuse.data.statistics import Exploration
from nucfuse.metrics.results import Comparison, ScoreResult
from nucfuse.metrics.scores import Scores

_HEADLINES = ("dsb_ap", "f1_50", "pq", "aji", "aji_plus", "dice")
_EXTRA = ("coco_ap", "boundary_ap", "boundary_iou", "boundary_f")
_NOTES_SHOWN = 5


def score_text(result: ScoreResult, worst: int = 5, brief: bool = False) -> str:
    """Headline table, what was missing, where the points are, strata, and the worst images."""
    if brief:
        return _headline(result)
    parts = [_headline(result), _pairing_lines(result)]
    for name, scores in zip(result.names, result.scores, strict=True):
        title = f"{name}: " if len(result.names) > 1 else ""
        parts.append(_anatomy(scores, title))
        parts += [_stratum(scores, key, title) for key in result.by]
        parts.append(_worst(scores, worst, title))
    return "\n".join(part for part in parts if part)


def comparison_text(result: Comparison) -> str:
    """Headline table of the sets, then every set against the first."""
    parts = [_headline(result.scored), _pairing_lines(result.scored)]
    for pair in result.pairs:
        table = pair.table.loc[[n for n in (*_HEADLINES, *_EXTRA) if n in pair.table.index]]
        rows = [(str(name), *_difference(row)) for name, row in table.to_dict("index").items()]
        title = f"{pair.names[1]} minus {pair.names[0]}, on {pair.n_images} images"
        parts.append(
            plain_table(("", "difference", "95 % interval", "wins / losses / ties"), rows, title)
        )
    return "\n".join(part for part in parts if part)


def exploration_text(result: Exploration) -> str:
    """What a data set is made of: per modality, per source, and what is odd about its masks."""
    said = result.to_dict()
    tables = [result.by_modality(), result.by_source()]
    if len(tables[0]) > 1:
        tables[0] = pd.concat([tables[0], result.total().set_axis(tables[0].columns, axis=1)])
    parts = [f"{result.path}: {result.format}, {said['total']['images']} images, "
             f"{said['total']['nuclei']} nuclei\n"]  # fmt: skip
    for table in tables:
        rows = [_composition(row) for row in table.to_dict("records")]
        columns = (str(table.columns[0]), "images", "", "nuclei", "per image", "diameter (px)")
        parts.append(plain_table((*columns, "touching"), rows, f"by {table.columns[0]}"))
    parts.append(
        f"masks with holes: {said['with_holes']}, in several pieces: {said['in_pieces']}; "
        f"images without nuclei: {said['images_without_nuclei']}\n"
        "per image, diameter: median (5th … 95th percentile); diameter: of a disc of the same "
        "area;\ntouching: share of nuclei with another among their pixels' 8 neighbours"
    )
    return "\n".join(parts)


def _composition(row: dict[Any, Any]) -> tuple[str, ...]:
    """A row of `Exploration.by_modality` for people."""
    spreads = [
        "" if pd.isna(row[f"{name}_median"])
        else f"{row[f'{name}_median']:.3g} ({row[f'{name}_p5']:.3g} … {row[f'{name}_p95']:.3g})"
        for name in ("per_image", "diameter")
    ]  # fmt: skip
    touching = "" if pd.isna(row["touching"]) else f"{row['touching']:.1%}"
    name = next(iter(row.values()))
    return (name, str(row["images"]), f"{row['share']:.1%}", str(row["nuclei"]), *spreads, touching)


def _difference(row: dict[Any, Any]) -> tuple[str, str, str]:
    """Difference, interval, and wins / losses / ties where single images have the number."""
    counts = [row[name] for name in ("wins", "losses", "ties")]
    return (
        f"{row['difference']:+.4f}",
        f"{row['low']:+.4f} … {row['high']:+.4f}",
        "" if any(pd.isna(n) for n in counts) else " / ".join(str(n) for n in counts),
    )


def _headline(result: ScoreResult) -> str:
    extra = [n for n in _EXTRA if n in result.scores[0].summary]
    columns = (
        "predictions",
        "images",
        "missing",
        "dsb_ap",
        "95 % interval",
        *_HEADLINES[1:],
        *extra,
    )
    rows = []
    for name, scores, missing in zip(result.names, result.scores, result.n_missing, strict=True):
        low, high = scores.intervals()["dsb_ap"]
        values = [f"{scores.summary[n]:.4f}" for n in (*_HEADLINES[1:], *extra)]
        rows.append(
            (name, f"{len(scores)}", f"{missing}", f"{scores.summary['dsb_ap']:.4f}",
             f"{low:.4f} … {high:.4f}", *values)
        )  # fmt: skip
    return plain_table(columns, rows, f"Truth: {result.truth}")


def _pairing_lines(result: ScoreResult) -> str:
    lines = []
    for name, pairing, failed in zip(result.names, result.pairings, result.failures, strict=True):
        said = f"{len(pairing.paired)} paired, {len(pairing.missing)} missing"
        said += f", {len(pairing.extra)} extra"
        said += f", {len(failed)} unreadable" if failed else ""
        if pairing.missing or failed:
            meaning = {"zero": "count as 0", "skip": "left out"}[result.missing_rule]
            said += f" (missing and unreadable ones {meaning})"
        lines.append(f"{name}: {said}")
        lines += [f"  {problem}" for problem in list(failed.values())[:_NOTES_SHOWN]]
    lines += [f"note: {note}" for note in result.notes[:_NOTES_SHOWN]]
    if len(result.notes) > _NOTES_SHOWN:
        lines.append(f"… and {len(result.notes) - _NOTES_SHOWN} more notes (--out or --json)")
    return "\n".join(lines) + "\n"


def _anatomy(scores: Scores, title: str) -> str:
    table = scores.errors
    rows = [
        (kind, "" if pd.isna(count) else str(count), f"{gain:+.4f}")
        for kind, count, gain in zip(table["kind"], table["count"], table["gain"], strict=True)
    ]
    return plain_table(
        ("error", "nuclei", "dsb_ap if mended"), rows, f"{title}where the points are"
    )


def _stratum(scores: Scores, key: str, title: str) -> str:
    table = scores.by(key)
    wanted = [key, "n_images", "n_true", *_HEADLINES, *_EXTRA] if key != "size" else table.columns
    shown = table[[name for name in wanted if name in table.columns]]
    rows = [tuple(_number(value) for value in row) for row in shown.itertuples(index=False)]
    return plain_table(tuple(shown.columns), rows, f"{title}by {key}")


def _worst(scores: Scores, most: int, title: str) -> str:
    if most == 0:
        return ""
    names = ["image_id", "n_true", "n_pred", "dsb_ap", "missed", "spurious", "split", "merged"]
    worst = scores.per_image.nsmallest(most, "dsb_ap")[names]
    rows = [tuple(_number(value) for value in row) for row in worst.itertuples(index=False)]
    return plain_table(tuple(names), rows, f"{title}worst images")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plain_table(columns: Iterable[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """A plain table, as wide as it needs to be, so that nothing is cut off in a pipe."""
    table = Table(
        title=title or None, title_justify="left", title_style="", box=None, pad_edge=False
    )
    for k, name in enumerate(columns):
        table.add_column(name, justify="left" if k == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=10_000, markup=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
