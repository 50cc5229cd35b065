"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
FORMATS = click.Choice(["dsb", "labels", "kaggle", "coco", "npz"])


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, listed in the help in this order."""

    def add(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


WORKERS = options(
    click.option("--jobs", type=click.IntRange(1), help="Threads [default: one per core]."),
    click.option("--engine", help="Workers: serial, local:N or dask://host:port."),
)
READING = options(
    click.option(
        "--format", "format_", type=FORMATS, help="Format of the input, if not recognised."
    ),
    WORKERS,
)
