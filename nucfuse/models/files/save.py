"""A network that was trained, as files that can be run and trained further."""

from pathlib import Path
from typing import Any

from nucfuse.models.files.export import export_network
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.export import export_mask_rcnn
from nucfuse.models.mask_rcnn.training import validation as mask_rcnn_validating
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.unet.network import build_unet
from nucfuse.models.unet.validation import SELECTION, SPLITS


def save_network(
    model: Any, config: TrainingConfig, folder: Path, name: str, record: dict[str, Any]
) -> Path:
    """Write the network's files and its card into a folder; returns the card's path.

    Parameters
    ----------
    model : keras.Model
        As `nucfuse.models.families.build_network` makes it from ``config.network``.
    config : TrainingConfig
    folder : Path
    name : str
    record : dict
        What it was trained on and how long, for the card.
    """
    network = config.network
    card: dict[str, Any] = {
        "name": name,
        "kind": config.model,
        "network": network.to_dict(),
        "input": network.input,
        "stride": network.stride,
        "diameter": None if network.size else list(config.diameter),
        "training": config.to_dict(),
        "trained_on": record,
    }
    if isinstance(network, MaskRCNNConfig):
        card["select"] = mask_rcnn_validating.SELECTION
        return export_mask_rcnn(model, card, folder).path
    # In float32, whatever it was trained in.
    exact = build_unet(network)
    exact.set_weights(model.get_weights())
    card |= {"outputs": list(network.outputs), "split": SPLITS[network.head], "select": SELECTION}
    return export_network(exact, card, folder).path
