"""The graph of a trained U-Net, run by ONNX Runtime."""

from typing import Any

import numpy as np

from nucfuse.errors import DataError
from nucfuse.models.arrays import Floats
from nucfuse.models.files.card import Card
from nucfuse.models.inference.onnx_session import Session
from nucfuse.models.inputs import CHANNELS


class UNetGraph:
    """A U-Net that can be run, from any thread.

    Parameters
    ----------
    card, threads
        See `Session`.

    Raises
    ------
    DataError
        If the graph cannot be loaded, or takes or gives something else than the card says.
    """

    def __init__(self, card: Card, threads: int = 1) -> None:
        self.card = card
        self._session = Session(card, ".onnx", threads)
        self._check(self._session.inputs, CHANNELS[card.input], "takes")
        self._check(self._session.outputs, len(card.outputs), "gives")

    def run(self, batch: Floats) -> Floats:
        """Give the outputs for a batch of images.

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
            If the graph fails, or gives something else.
        """
        outputs: Floats = self._session([batch])[0]
        if outputs.shape != (*batch.shape[:3], len(self.card.outputs)):
            raise DataError(
                f"{self.card.path}: the network gives {outputs.shape} for {batch.shape}, but its "
                f"card promises the {len(self.card.outputs)} outputs {self.card.outputs}"
            )
        self._check_values(outputs)
        return outputs

    def _check_values(self, outputs: Floats) -> None:
        """Raise a DataError if what the graph gives are no probabilities."""
        low, high = float(outputs.min()), float(outputs.max())
        if low >= 0 and high <= 1:
            return
        if np.isfinite([low, high]).all():
            problem = f"values from {low:g} to {high:g}"
            remedy = "export it with its sigmoid or softmax"
        else:
            share = 1 - np.isfinite(outputs).mean()
            problem = f"NaN or infinite values ({share:.1%} of all) for this image"
            remedy = "look at the image, and train the network anew if it is one like the others"
        raise DataError(
            f"{self.card.path}: the network gave {problem}, but probabilities lie in [0, 1]; "
            f"{remedy}"
        )

    def _check(self, ends: Any, n_channels: int, what: str) -> None:
        """Raise a DataError if an end is not as the card says, as far as can be told now."""
        if len(ends) == 1 and ends[0].type == "tensor(float)" and len(ends[0].shape) == 4:
            found = ends[0].shape[3]
            if not isinstance(found, int) or found == n_channels:
                return
        said = ", ".join(f"{end.type} {end.shape}" for end in ends)
        raise DataError(
            f"{self.card.path}: the network {what} {said}; expected float (B, H, W, {n_channels}) "
            f"for input {self.card.input!r} and outputs {', '.join(self.card.outputs)}"
        )
