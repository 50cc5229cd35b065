"""Scores and comparisons as text, JSON and files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucfuse.data.image_ids import escape_id
from nucfuse.data.run_record import to_json
from nucfuse.metrics.names import EXTRA_SCORES, MAIN_SCORES
from nucfuse.metrics.scores import Scores
from nucfuse.report.files import result_folder, write_table
from nucfuse.report.results import ScoreResult
from nucfuse.report.tables import plain_table

if TYPE_CHECKING:
    from nucfuse.metrics.comparison import Comparison, Difference

_NOTES_SHOWN = 5
_DIFFERENCE = ("difference", "95 % interval", "wins / losses / ties")
_WORST = ("n_true", "n_pred", "dsb_ap", "missed", "spurious", "split", "merged")


def score_text(result: ScoreResult, worst: int = 5, brief: bool = False) -> str:
    """Write main scores, what was missing, where the points are, strata, and the worst images."""
    if brief:
        return _main_scores(result)
    parts = [_main_scores(result), _pairing_lines(result)]
    for name, scores in zip(result.names, result.scores, strict=True):
        title = f"{name}: " if len(result.names) > 1 else ""
        parts.append(_errors(scores, title))
        parts += [_stratum(scores, key, title) for key in result.by]
        parts.append(_worst_images(scores, worst, title))
    return "\n".join(part for part in parts if part)


def comparison_text(result: ScoreResult, comparison: "Comparison") -> str:
    """Write the main scores of the sets, then every set against the first, and by strata."""
    parts = [_main_scores(result), _pairing_lines(result)]
    for pair in comparison.differences:
        title = f"{pair.names[1]} minus {pair.names[0]}"
        rows = [(name, *_difference(row)) for name, row in _shown_rows(pair).items()]
        parts.append(plain_table(("", *_DIFFERENCE), rows, f"{title}, on {pair.n_images} images"))
        parts += [
            _strata_of_pair(key, of_key, f"{title}, by {key}")
            for key, of_key in pair.strata.items()
        ]
        parts.append(_sizes_of_pair(pair, f"{title}, by size"))
    return "\n".join(part for part in parts if part)


def _shown_rows(pair: "Difference") -> dict[str, dict[Any, Any]]:
    """List the main scores of the table of a comparison, as they are shown."""
    shown = [n for n in (*MAIN_SCORES, *EXTRA_SCORES) if n in pair.table.index]
    return {str(n): row for n, row in pair.table.loc[shown].to_dict("index").items()}


def _strata_of_pair(key: str, strata: Mapping[Any, "Difference"], title: str) -> str:
    """Make a row per stratum: ``dsb_ap`` of both, its difference, then that of other scores."""
    rows = []
    for value, pair in strata.items():
        first, *others = _shown_rows(pair).values()
        both = f"{first['first']:.4f}", f"{first['other']:.4f}"
        changes = [f"{row['difference']:+.4f}" for row in others]
        rows.append((str(value), str(pair.n_images), *both, *_difference(first), *changes))
    names = list(_shown_rows(next(iter(strata.values()))))
    columns = (key, "images", "first", "other", f"{names[0]} {_DIFFERENCE[0]}", *_DIFFERENCE[1:])
    return plain_table((*columns, *names[1:]), rows, title)


def _sizes_of_pair(pair: "Difference", title: str) -> str:
    if not pair.sizes:
        return ""
    rows = [
        [f"{v:+.4f}" if name.endswith("_difference") else _number(v) for name, v in row.items()]
        for row in pair.sizes
    ]
    return plain_table(pair.sizes[0], rows, title)


def score_json(result: ScoreResult) -> str:
    """Write the summary as JSON."""
    return to_json(result.to_dict())


def comparison_json(result: ScoreResult, comparison: "Comparison") -> str:
    """Write the summary of every set, and each difference, as JSON."""
    return to_json(_comparison_dict(result, comparison))


def write_scores(out: Path, result: ScoreResult, record: dict[str, Any]) -> None:
    """``per_image.csv``, ``objects.csv``, ``summary.json`` and ``run.json`` in the folder ``out``.

    With several prediction sets the two tables of each lie in a folder of its name.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    with result_folder(out, result.to_dict(), record) as folder:
        for name, scores in zip(result.names, result.scores, strict=True):
            place = folder if len(result.names) == 1 else folder / escape_id(name)
            place.mkdir(exist_ok=True)
            write_table(place / "per_image.csv", scores.per_image)
            write_table(place / "objects.csv", scores.objects)


def write_comparison(
    out: Path, result: ScoreResult, comparison: "Comparison", record: dict[str, Any]
) -> None:
    """``comparison.csv`` (a row per pair and number), ``summary.json``, ``run.json`` in ``out``.

    Strata but size have rows in a table of their own, ``comparison_by.csv``.
    """
    with result_folder(out, _comparison_dict(result, comparison), record) as folder:
        write_table(folder / "comparison.csv", comparison.table)
        if any(pair.strata for pair in comparison.differences):
            write_table(folder / "comparison_by.csv", comparison.strata_table)


def _comparison_dict(result: ScoreResult, comparison: "Comparison") -> dict[str, Any]:
    differences = [difference.to_dict() for difference in comparison.differences]
    return {**result.to_dict(), "comparisons": differences}


def _main_scores(result: ScoreResult) -> str:
    extra = [n for n in EXTRA_SCORES if n in result.scores[0].summary]
    others = [*MAIN_SCORES[1:], *extra]
    rows = []
    for name, scores, missing in zip(result.names, result.scores, result.n_missing, strict=True):
        low, high = scores.intervals()["dsb_ap"]
        counts = (f"{len(scores)}", f"{missing}", f"{scores.dsb_ap:.4f}", f"{low:.4f} … {high:.4f}")
        rows.append((name, *counts, *(f"{scores.summary[n]:.4f}" for n in others)))
    columns = ("predictions", "images", "missing", "dsb_ap", "95 % interval", *others)
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


def _errors(scores: Scores, title: str) -> str:
    rows = [
        (row["kind"], "" if row["count"] is None else str(row["count"]), f"{row['gain']:+.4f}")
        for row in scores.error_rows()
    ]
    return plain_table(
        ("error", "nuclei", "dsb_ap if mended"), rows, f"{title}where the points are"
    )


def _stratum(scores: Scores, key: str, title: str) -> str:
    rows = scores.stratum_rows(key)
    wanted: Iterable[str] = rows[0]
    if key != "size":
        names = (key, "n_images", "n_true", *MAIN_SCORES, *EXTRA_SCORES)
        wanted = [name for name in names if name in rows[0]]
    cells = [[_number(row[name]) for name in wanted] for row in rows]
    return plain_table(wanted, cells, f"{title}by {key}")


def _worst_images(scores: Scores, most: int, title: str) -> str:
    if most == 0:
        return ""
    rows = [
        (scores.image_ids[i], *(_number(scores.columns[name][i]) for name in _WORST))
        for i in scores.worst(most)
    ]
    return plain_table(("image_id", *_WORST), rows, f"{title}worst images")


def _difference(row: dict[Any, Any]) -> tuple[str, str, str]:
    """Difference, interval, and wins / losses / ties where single images have the number."""
    import pandas as pd

    counts = [row[name] for name in ("wins", "losses", "ties")]
    return (
        f"{row['difference']:+.4f}",
        f"{row['low']:+.4f} … {row['high']:+.4f}",
        "" if any(map(pd.isna, counts)) else " / ".join(map(str, counts)),
    )


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
