"""The two graphs of a trained Mask R-CNN, run by ONNX Runtime."""

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.inference.onnx_session import Session
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.settings import read


class Graphs:
    """Both graphs of a network, from any thread.

    Parameters
    ----------
    card, threads
        See `Session`.

    Attributes
    ----------
    config : MaskRCNNConfig
    features : Graph
        [images] -> maps, RPN logits and deltas.
    heads : Graph
        Maps and regions -> probabilities, deltas and masks.

    Raises
    ------
    DataError
        If a graph cannot be loaded, or takes something else than the card's network does.
    """

    def __init__(self, card: Card, threads: int = 1) -> None:
        self.card = card
        self.config = config = read(MaskRCNNConfig, card.network, f"{card.path}: network")
        self.features = Session(card, ".features.onnx", threads)
        self.heads = Session(card, ".heads.onnx", threads)
        n_maps, n_masks = len(config.roi_strides), int(config.masks)
        # How many inputs, their channels, how many outputs; the same of the heads.
        expected = 1, CHANNELS[config.input], n_maps + 2, n_maps + 2 + 2 * n_masks, 2 + n_masks
        found = (
            len(self.features.inputs),
            self.features.inputs[0].shape[-1],
            len(self.features.outputs),
            len(self.heads.inputs),
            len(self.heads.outputs),
        )
        if found != expected:
            raise DataError(
                f"{card.path}: the graphs are of another network than the card says: features from "
                f"{found[0]} inputs of {found[1]} channels to {found[2]} outputs, heads from "
                f"{found[3]} to {found[4]}; expected 1 of {expected[1]} to {expected[2]}, "
                f"{expected[3]} to {expected[4]}"
            )
