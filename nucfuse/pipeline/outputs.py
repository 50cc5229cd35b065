"""Where a command may write: no input, no other output of it, nothing that another run writes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path

from nucfuse.data.atomic_output import reserved
from nucfuse.data.io import format_of_output
from nucfuse.errors import DataError


@contextmanager
def reserved_outputs(
    outputs: Sequence[Path | None],
    inputs: Sequence[Path | None],
    beside: Sequence[Path | str | None] = (),
) -> Iterator[None]:
    """Check where a command writes, and keep other runs from writing there meanwhile.

    What earlier runs left there when they were killed is removed.

    Parameters
    ----------
    outputs, inputs : sequence of Path or None
        All of the command; None is left out.
    beside : sequence of Path, str or None
        Further files and folders that are read, in which an output may lie all the same.

    Raises
    ------
    DataError
        If an output is an input, lies inside one, or is another output or what another would be
        replaced by; if another run writes it, or nothing can be written there.
    """
    places = [place for place in outputs if place is not None]
    for out in places:
        check_output(out, [path for path in inputs if path is not None])
        check_is_none_of(out, [Path(path) for path in beside if path is not None])
    for one, other in combinations(places, 2):
        _check_apart(one, other)
    with ExitStack() as stack:
        for out in places:
            stack.enter_context(reserved(out))
        yield


def check_output(out: Path, inputs: Sequence[Path]) -> None:
    """Raise a DataError if the output is one of the inputs or lies where it would mix with one."""
    check_is_none_of(out, inputs)
    target = out.resolve()
    for path in inputs:
        source = path.resolve()
        if source.is_dir() and source in target.parents:
            raise DataError(
                f"{out}: the output must not lie inside the input {path}, which would then hold "
                "files that are not its own"
            )


def check_is_none_of(out: Path, inputs: Sequence[Path]) -> None:
    """Raise a DataError if the output is one of the inputs."""
    if any(out.resolve() == path.resolve() for path in inputs):
        raise DataError(f"{out}: the output must not be an input; choose another place")


def _check_apart(one: Path, other: Path) -> None:
    first, second = one.resolve(), other.resolve()
    if first == second:
        raise DataError(
            f"{one} is named for two outputs, which would replace each other's files; give each a "
            "place of its own"
        )
    for outer, inner, named in ((first, second, other), (second, first, one)):
        if outer in inner.parents and _is_file(outer):
            raise DataError(f"{named}: it would lie inside the file {outer.name}; name a folder")


def _is_file(path: Path) -> bool:
    """Whether an output is, or will be, a file."""
    return path.is_file() or (not path.is_dir() and format_of_output(path) != "labels")
