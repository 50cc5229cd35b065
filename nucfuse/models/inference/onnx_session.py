"""Graphs of trained networks, run by ONNX Runtime: data only, no code comes out of a file."""

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.inference.time_limit import stopped_in_time
from nucfuse.models.inputs import CHANNELS

Arrays = Sequence[NDArray[Any]]
# A graph, whether Keras or ONNX Runtime runs it: arrays in the order of its inputs to its outputs.
Graph = Callable[[Arrays], Arrays]

_NEEDED = (
    "running a network needs ONNX Runtime: pip install 'nucfuse[predict]'. The models otsu, "
    "adaptive and log (--model otsu) need none"
)


class Session:
    """A graph that can be run, from any thread: a `Graph`.

    Parameters
    ----------
    card : Card
        Of a network, not of an ensemble.
    ending : str
        Of the name of the graph's file.
    threads : int
        Cores for one call. One is best where other workers run other images.

    Attributes
    ----------
    inputs, outputs : list
        Ends of the graph, each with name, type and shape.

    Raises
    ------
    DataError
        If ONNX Runtime is not installed, the card names an input that there is not, or the file
        cannot be loaded or is not the one that the card describes.
    """

    def __init__(self, card: Card, ending: str, threads: int = 1) -> None:
        self._made_of = card, ending, threads
        self._card = card
        if card.input not in CHANNELS:
            raise DataError(
                f"{card.path}: input must be one of {', '.join(CHANNELS)}, got {card.input!r}; "
                "update nucfuse"
            )
        self._session = _open(*self._made_of)
        self.inputs, self.outputs = self._session.get_inputs(), self._session.get_outputs()

    def __reduce__(self) -> tuple[Any, ...]:
        # ONNX Runtime's own cannot be sent to another process; it is made anew there.
        return Session, self._made_of

    def __call__(self, arrays: Arrays) -> Arrays:
        """Run the graph; raises a DataError if it fails or takes longer than `time_limit` says."""
        feeds = {end.name: array for end, array in zip(self.inputs, arrays, strict=True)}
        options = _run_options()
        with stopped_in_time(options):
            try:
                outputs: Arrays = self._session.run(None, feeds, options)
            except Exception as problem:  # its classes have no base of their own
                raise DataError(
                    f"{self._card.path}: the network failed on {arrays[0].shape}: "
                    f"{_first_line(problem)}; if memory is short, let large images be cut into "
                    "tiles (--tile 1024)"
                ) from None
        return outputs


def _open(card: Card, ending: str, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise DataError(_NEEDED) from None
    content = card.file(ending)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised as well
    try:
        # From memory: the bytes that were checked, and no way to further files.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # its classes have no base of their own
        reason = _first_line(problem)
        raise DataError(f"{card.path}: ONNX Runtime cannot load the network: {reason}") from None


def _run_options() -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4  # what is raised need not be printed, as leaving a graph is
    return options


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
