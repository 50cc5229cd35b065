"""A network that was trained, as files that can be run and trained further."""

from pathlib import Path
from typing import Any

from nucfuse.models.onnx_export import export_network
from nucfuse.models.training_config import TrainingConfig
from nucfuse.models.validating import SELECTION, SPLITS


def save_network(
    model: Any, config: TrainingConfig, folder: Path, name: str, record: dict[str, Any]
) -> Path:
    """Write the network's files and its card into a folder; returns the card's path.

    Parameters
    ----------
    model : keras.Model
        As `nucfuse.models.unet.build_unet` makes it from ``config.network``.
    config : TrainingConfig
    folder : Path
    name : str
    record : dict
        What it was trained on and how long, for the card.
    """
    network = config.network
    card = {
        "name": name,
        "network": network.to_dict(),
        "input": network.input,
        "stride": network.stride,
        "outputs": list(network.outputs),
        "diameter": None if network.size else list(config.diameter),
        "split": SPLITS[network.head],
        "select": SELECTION,
        "training": config.to_dict(),
        "trained_on": record,
    }
    return export_network(model, card, folder).path
