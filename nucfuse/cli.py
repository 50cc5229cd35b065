"""The command line: thin commands; everything heavy is imported inside them."""

import sys
from typing import Any

import click

from nucfuse import __version__
from nucfuse.commands import exit_codes
from nucfuse.commands.clean import clean
from nucfuse.commands.compare import compare
from nucfuse.commands.convert import convert
from nucfuse.commands.doctor import doctor
from nucfuse.commands.explore import explore
from nucfuse.commands.fuse import fuse
from nucfuse.commands.models import models
from nucfuse.commands.predict import predict
from nucfuse.commands.route import route
from nucfuse.commands.sample import sample
from nucfuse.commands.score import score
from nucfuse.commands.submit import submit
from nucfuse.commands.terminal import Ended, ended_cleanly, talks_while_it_works
from nucfuse.commands.train import train
from nucfuse.commands.warm_up import warm_up
from nucfuse.errors import DataError, is_out_of_memory

_NO_MEMORY = (
    "there is not enough memory ({}); use fewer --jobs, smaller images or a larger machine, and "
    "look for absurd sizes in the input"
)


class _Main(click.Group):
    """Turns a user's mistake into one message and an exit code; a traceback is for our bugs."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with ended_cleanly():
                return super().invoke(ctx)
        except DataError as error:
            exit_codes.fail(str(error), exit_codes.BAD_INPUT)
        except Ended as ended:
            exit_codes.fail(f"ended by {ended}; nothing half-written was left", ended.exit_code)
        except KeyboardInterrupt:
            exit_codes.fail("interrupted; nothing half-written was left", exit_codes.INTERRUPTED)
        except BrokenPipeError:  # the reader of our output (head, less) has seen enough
            sys.stderr.close()
            sys.exit(0)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            exit_codes.fail(f"{where}{error.strerror or error}", exit_codes.BAD_INPUT)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            from nucfuse.masks.allocation import TooManyPixelsError

            known = isinstance(error, TooManyPixelsError)  # it says itself what to do
            said = str(error) if known else _NO_MEMORY.format(str(error) or type(error).__name__)
            exit_codes.fail(said, exit_codes.BAD_INPUT)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nucfuse")
def main() -> None:
    """Score and fuse nucleus (and cell) instance segmentations."""


# In the order of a user's way through them.
_COMMANDS = (
    *(score, compare, convert, submit, doctor, sample),
    *(predict, models, train, explore, fuse, route, clean),
    warm_up,
)
# Those at work without numba, and the one that says itself what is compiled.
_SILENT = (sample, models, warm_up)
for _command in _COMMANDS:
    main.add_command(_command if _command in _SILENT else talks_while_it_works(_command))
