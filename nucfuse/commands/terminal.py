"""Between a command at work and who started it: progress, what is compiled, and being ended."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click


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
        from nucfuse.commands.messages import shown
        from nucfuse.kernels.compiling import compiling_said
        from nucfuse.report.progress import progress_shown

        with shown(), progress_shown(), compiling_said(_say, str(Path(__file__).parents[1])):
            return run(*args, **given)

    command.callback = talking
    return command


def _say(line: str) -> None:
    click.echo(f"nucfuse: {line}", err=True)


class Ended(KeyboardInterrupt):
    """A signal asks to end: all is left as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def ended_cleanly() -> Iterator[None]:
    """Raise `Ended` when the process is asked to end (SIGTERM) or its terminal closes (SIGHUP).

    Where the signals mean something else already, as under ``nohup``, they keep their meaning.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]

    def end(number: int, _: object) -> None:
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)  # once is enough: what follows is cleaning up
        raise Ended(number)

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
