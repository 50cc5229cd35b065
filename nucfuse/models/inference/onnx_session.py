"""A trained network, run by ONNX Runtime: data only, no code comes out of a file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.inputs import CHANNELS

_NEEDED = (
    "running a network needs ONNX Runtime: pip install 'nucfuse[predict]'. The models otsu, "
    "adaptive and log (--model otsu) need none"
)


class Network:
    """A network that can be run, from any thread.

    Parameters
    ----------
    card : Card
        Of a network, not of an ensemble.
    threads : int
        Cores for one call of `run`. One is best where other workers run other images.

    Raises
    ------
    DataError
        If ONNX Runtime is not installed, the file is missing or not the one that the card
        describes, or it takes or gives something else than the card says.
    """

    def __init__(self, card: Card, threads: int = 1) -> None:
        self.card, self.threads = card, threads
        check_input(card)
        self._session = open_session(card, ".onnx", threads)
        self._check()

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be sent to another process; it is made anew there.
        return Network, (self.card, self.threads)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for a batch of images.

        Parameters
        ----------
        batch : ndarray of float32, shape (B, H, W, C)
            As `nucfuse.models.inputs.prepared` gives them; H and W are multiples of the stride.

        Returns
        -------
        ndarray of float32, shape (B, H, W, K)
            Probabilities of ``card.outputs``.

        Raises
        ------
        DataError
            If the network fails, or gives something else.
        """
        try:
            outputs: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        except Exception as problem:  # its classes have no base of their own
            raise failed_on(self.card, batch.shape, problem) from None
        if outputs.shape != (*batch.shape[:3], len(self.card.outputs)):
            raise DataError(
                f"{self.card.path}: the network gives {outputs.shape} for {batch.shape}, but its "
                f"card promises the {len(self.card.outputs)} outputs {self.card.outputs}"
            )
        return outputs

    def _check(self) -> None:
        """Whether what goes in and comes out is as the card says, as far as can be told now."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        wanted = (
            [None, None, None, CHANNELS[self.card.input]],
            [None, None, None, len(self.card.outputs)],
        )
        for found, shape, what in ((inputs, wanted[0], "takes"), (outputs, wanted[1], "gives")):
            if len(found) != 1 or found[0].type != "tensor(float)" or not _fits(found[0], shape):
                said = ", ".join(f"{f.type} {f.shape}" for f in found)
                raise DataError(
                    f"{self.card.path}: the network {what} {said}; expected float (B, H, W, "
                    f"{shape[3]}) for input {self.card.input!r} and outputs "
                    f"{', '.join(self.card.outputs)}"
                )
        self._input = inputs[0].name


def failed_on(card: Card, shape: tuple[int, ...], problem: Exception) -> DataError:
    """The error that says which network failed on what."""
    return DataError(
        f"{card.path}: the network failed on {shape}: {_first_line(problem)}; "
        "if memory is short, let large images be cut into tiles (--tile 1024)"
    )


def _fits(found: Any, wanted: list[int | None]) -> bool:
    """Whether a shape has four dimensions, and those that both sides know are equal."""
    return len(found.shape) == 4 and all(
        w is None or not isinstance(f, int) or f == w
        for f, w in zip(found.shape, wanted, strict=True)
    )


def check_input(card: Card) -> None:
    """Raise a DataError if a card names an input that there is not."""
    if card.input not in CHANNELS:
        raise DataError(
            f"{card.path}: input must be one of {', '.join(CHANNELS)}, got {card.input!r}; "
            "update nucfuse"
        )


def open_session(card: Card, ending: str, threads: int) -> Any:
    """The network in the card's file with that ending, to be run in so many threads.

    Raises
    ------
    DataError
        If ONNX Runtime is not installed, or the file cannot be loaded or is not the card's.
    """
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


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
