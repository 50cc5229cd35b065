"""What a command at work tells the terminal: progress, and that code is being compiled."""

from functools import wraps
from pathlib import Path
from typing import Any

import click

from nucfuse.commands.messages import shown


def talks_while_it_works(command: click.Command) -> click.Command:
    """Have a command (or all of a group) show progress and say why its first run takes long."""
    if isinstance(command, click.Group):
        for part in command.commands.values():
            talks_while_it_works(part)
        return command
    run = command.callback
    assert run is not None

    @wraps(run)
    def talking(*args: Any, **given: Any) -> Any:
        from nucfuse.kernels.compiling import compiling_said
        from nucfuse.report.progress import progress_shown

        with shown(), progress_shown(), compiling_said(_say, str(Path(__file__).parents[1])):
            return run(*args, **given)

    command.callback = talking
    return command


def _say(line: str) -> None:
    click.echo(f"nucfuse: {line}", err=True)
