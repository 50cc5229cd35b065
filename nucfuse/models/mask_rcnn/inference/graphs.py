"""A trained Mask R-CNN, run by ONNX Runtime: data only, no code comes out of a file."""

from collections.abc import Sequence
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.inference.onnx_session import check_input, failed_on, open_session
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.finding import Arrays
from nucfuse.settings import read


class Graphs:
    """The two graphs of a network, each a function of arrays, from any thread.

    Parameters
    ----------
    card : Card
        Of a Mask R-CNN.
    threads : int
        Cores for one call.

    Raises
    ------
    DataError
        If ONNX Runtime is not installed, a file is missing or not the one that the card describes,
        or a graph takes something else than the card's network does.
    """

    def __init__(self, card: Card, threads: int = 1) -> None:
        self.card, self.threads = card, threads
        check_input(card)
        self.config = read(MaskRCNNConfig, card.network, f"{card.path}: network")
        self._features = open_session(card, ".features.onnx", threads)
        self._heads = open_session(card, ".heads.onnx", threads)
        self._check()

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be sent to another process; it is made anew there.
        return Graphs, (self.card, self.threads)

    def features(self, arrays: Arrays) -> Arrays:
        """Run the first graph: [images] -> maps, RPN logits and deltas."""
        return self._run(self._features, arrays)

    def heads(self, arrays: Arrays) -> Arrays:
        """Run the second graph: maps and regions -> probabilities, deltas, masks."""
        return self._run(self._heads, arrays)

    def _check(self) -> None:
        """Whether both graphs are of the card's network, as far as can be told now."""
        config, n = self.config, len(self.config.roi_strides)
        inputs, outputs = self._features.get_inputs(), self._features.get_outputs()
        channels = inputs[0].shape[-1]
        takes, gives = 2 * (1 + config.masks) + n, 2 + config.masks
        found = [
            len(inputs), channels, len(outputs),
            len(self._heads.get_inputs()), len(self._heads.get_outputs()),
        ]  # fmt: skip
        if found != [1, CHANNELS[config.input], n + 2, takes, gives]:
            raise DataError(
                f"{self.card.path}: the graphs are of another network than the card says: "
                f"features from {len(inputs)} inputs of {channels} channels to {len(outputs)} "
                f"outputs, heads from {found[3]} to {found[4]}; expected 1 of "
                f"{CHANNELS[config.input]} to {n + 2}, {takes} to {gives}"
            )

    def _run(self, session: Any, arrays: Arrays) -> Arrays:
        names = [end.name for end in session.get_inputs()]
        try:
            outputs: Sequence[Any] = session.run(None, dict(zip(names, arrays, strict=True)))
        except Exception as problem:  # its classes have no base of their own
            raise failed_on(self.card, arrays[0].shape, problem) from None
        return outputs
