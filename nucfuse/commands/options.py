"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from nucfuse.errors import DataError

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
FORMATS = click.Choice(["dsb", "labels", "kaggle", "coco", "npz"])


def choice(name: str, words: str, help_: str) -> Callable[[Command], Command]:
    """Add an option for one of some words; the first is the default."""
    allowed = words.split()
    return click.option(
        name, type=click.Choice(allowed), default=allowed[0], show_default=True, help=help_
    )


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, listed in the help in this order."""

    def add(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


def _allow_pixels(_: click.Context, __: click.Parameter, number: int) -> None:
    from nucfuse.masks.allocation import set_max_pixels

    set_max_pixels(number)


MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=2**30,
    show_default=True,
    expose_value=False,
    callback=_allow_pixels,
    help="Images with more are refused, before they take memory.",
)
WORKERS = options(
    click.option("--jobs", type=click.IntRange(1), help="Threads [default: one per core]."),
    click.option("--engine", help="Workers: serial, local:N or dask://host:port."),
    MAX_PIXELS,
)
STACK = click.option(
    "--stack",
    type=click.Choice(["frames", "volume"]),
    help="What label files with a third axis hold: images of their own, or slices of a volume "
    "[default: as the axes of the TIFF say].",
)
LABELS = options(
    click.option(
        "--binary",
        type=click.Choice(["components"]),
        help="Of binary masks, make each piece a nucleus.",
    ),
    click.option(
        "--labels-anyway",
        "anyway",
        is_flag=True,
        help="Take every value of an image for a nucleus, whatever it looks like.",
    ),
    click.option(
        "--skip-bad", is_flag=True, help="Leave out annotations (COCO) that cannot be read."
    ),
)
READING = options(
    click.option(
        "--format", "format_", type=FORMATS, help="Format of the input, if not recognised."
    ),
    STACK,
    LABELS,
    WORKERS,
)
_SCORING = options(
    click.option("--truth-format", type=FORMATS, help="Format of TRUTH, if not recognised."),
    click.option(
        "--usage",
        type=click.Choice(["Public", "Private"]),
        help="Only images of TRUTH, a Kaggle solution, so marked [default: all but Ignored].",
    ),
    choice("--missing", "error zero skip", "What a missing or unreadable prediction means."),
    click.option("--allow-overlap", is_flag=True, help="Score masks that overlap as they are."),
    choice("--rule", "> >=", "A hit is IoU > or >= threshold."),
    click.option("--thresholds", help="IoU thresholds, such as 0.5,0.75 [default: 0.5 … 0.95]."),
    click.option("--metrics", default="", help="Also measure: coco_ap,boundary."),
    click.option(
        "--by",
        multiple=True,
        metavar="modality|size|COLUMN",
        help="Also score each stratum. Repeatable.",
    ),
    click.option("--images", type=PATH, help="Images, for --by modality."),
    click.option("--metadata", type=PATH, help="CSV with a row per image, for --by COLUMN."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap."),
    click.option("--out", type=PATH, help="Folder for the tables."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `READING`; the command gets them as ``reading``, a Reading."""

    @wraps(command)
    def with_reading(
        *,
        format_: str | None,
        binary: Literal["components"] | None,
        anyway: bool,
        skip_bad: bool,
        stack: Any,
        jobs: int | None,
        engine: str | None,
        **others: Any,
    ) -> None:
        from nucfuse.data.label_checks import LabelRules
        from nucfuse.pipeline.running import Reading, engine_name

        rules = LabelRules(binary, anyway)
        how = Reading(format_, engine_name(jobs, engine), rules, skip_bad, stack)
        command(reading=how, **others)

    return READING(with_reading)


def scoring(command: Callable[..., None]) -> Callable[..., None]:
    """Add what `score` and `compare` share; the command gets it as ``options``, a ScoreOptions."""

    @wraps(command)
    def with_options(
        *,
        thresholds: str | None,
        rule: str,
        metrics: str,
        allow_overlap: bool,
        by: tuple[str, ...],
        images: Path | None,
        metadata: Path | None,
        missing: Any,
        seed: int,
        truth_format: str | None,
        usage: str | None,
        reading: Any,
        **others: Any,
    ) -> None:
        from nucfuse.metrics.request import ScoreRequest
        from nucfuse.pipeline.scoring import ScoreOptions, StrataOptions

        try:
            numbers = None if thresholds is None else [float(t) for t in thresholds.split(",")]
            wanted = [name.strip() for name in metrics.split(",") if name.strip()]
            request = ScoreRequest.of(numbers, rule, wanted, allow_overlap)
        except ValueError as error:
            raise DataError(str(error)) from None
        strata = StrataOptions(by, images, metadata)
        options = ScoreOptions(request, strata, missing, seed, truth_format, usage, reading)
        command(options=options, **others)

    return _SCORING(reading(with_options))


SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A rule of cleaning, such as speck=0 (see `nucfuse clean`). Repeatable.",
)
SETTINGS = options(
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter, or split.NAME=VALUE for splitting maps. Repeatable.",
    ),
    click.option(
        "--images",
        type=PATH,
        help="Images, or a data set that knows the sizes, for Kaggle submissions.",
    ),
)
OUT = click.option(
    "--out",
    type=PATH,
    required=True,
    help="Folder of label images, or a file .csv (Kaggle), .json (COCO), .npz.",
)
MAP_MAX = click.option(
    "--map-max",
    type=float,
    metavar="VALUE",
    help="Read grey images as probability maps; VALUE stands for 1, such as 255.",
)
OVERLAP = click.option(
    "--allow-overlap", is_flag=True, help="Leave overlapping results (COCO, .npz)."
)
