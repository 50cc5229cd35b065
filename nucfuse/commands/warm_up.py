"""`nucfuse warm-up`."""

import sys
import tempfile
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import click

from nucfuse.commands import exit_codes


@click.command("warm-up")
@click.pass_context
def warm_up(ctx: click.Context) -> None:
    """Compile everything now, so that no first run has to wait: for images and containers.

    Runs the commands on two images of the bundled sample.
    """
    from nucfuse.kernels.compiling import compiled_counted
    from nucfuse.pipeline.warm_up import COMMANDS, small_data

    begin, done = time.perf_counter(), True
    with tempfile.TemporaryDirectory() as folder, chdir(folder), compiled_counted() as names:
        image = small_data(Path(folder))[0]
        for title, lines in COMMANDS.items():
            before, start = len(names), time.perf_counter()
            problems = [p for line in lines if (p := _run(ctx, line.format(image=image)))]
            done = done and not problems
            seconds = time.perf_counter() - start
            click.echo(f"{title}: {len(names) - before} functions compiled in {seconds:.1f} s")
            for problem in problems:
                click.echo(f"  left out: {problem}", err=True)
    click.echo(f"all: {len(names)} functions in {time.perf_counter() - begin:.1f} s")
    if not done:
        sys.exit(exit_codes.PARTIAL)


def _run(ctx: click.Context, line: str) -> str:
    """Run a command in silence; returns its last words where it failed."""
    said = StringIO()
    group = ctx.find_root().command
    try:
        with redirect_stdout(said), redirect_stderr(said):
            group.main(line.split(), prog_name="nucfuse", standalone_mode=False)
    except SystemExit as end:
        if end.code not in (0, exit_codes.PARTIAL):
            return said.getvalue().strip().splitlines()[-1]
    return ""
