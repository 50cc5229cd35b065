"""What a U-Net can be asked to say of each pixel. One object a head: all that depends on it.

To add a head: name its channels, say what they should be of a label image, and add it to `HEADS`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from nucfuse.models.arrays import Floats, Ints
from nucfuse.models.unet import targets

# Threshold and margin were chosen on 136 images of 256 x 256 pixels outside fold 1, by a network
# that had seen no image of that source, see docs/decisions/0014-prediction.md.
_INTERIOR = {"method": "interior", "threshold": 0.55, "margin": 0.5}


@attrs.frozen
class Head:
    """The last layer of a U-Net, and what is made of it.

    Attributes
    ----------
    outputs : tuple of K str
        Names of the channels it gives. The first three of one that begins with "background" are
        the classes of a softmax, all others are sigmoids.
    targets : callable
        Label image (H, W) -> what the channels should be, float32 (H, W, K).
    split : dict
        How its maps become nuclei, see `nucfuse.clean.splitting.split`.
    """

    outputs: tuple[str, ...]
    targets: Callable[[Ints], Floats]
    split: Mapping[str, Any]

    @property
    def n_classes(self) -> int:
        """How many of the channels are one softmax: 3 or none."""
        return 3 if self.outputs[0] == "background" else 0

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the C probability maps that are made of the channels."""
        if not self.n_classes:
            return self.outputs
        return ("nucleus", "border", "interior", *self.outputs[3:])

    def to_maps(self, outputs: Floats) -> Floats:
        """Make probability maps (C, H, W) of what the network gives (H, W, K).

        Of classes, nucleus is the sum of interior and border, and border and interior stand beside
        it.
        """
        if not self.n_classes:
            return np.ascontiguousarray(np.moveaxis(outputs, 2, 0))
        maps = np.empty((len(self.maps), *outputs.shape[:2]), np.float32)
        interior, border = outputs[..., 1], outputs[..., 2]
        np.minimum(np.add(interior, border, out=maps[0]), 1, out=maps[0])  # rounding may exceed 1
        maps[1], maps[2] = border, interior
        maps[3:] = np.moveaxis(outputs[..., 3:], 2, 0)
        return maps


HEADS: dict[str, Head] = {
    "nucleus": Head(("nucleus",), targets.nucleus, {"method": "watershed"}),
    "boundary": Head(("nucleus", "border"), targets.nucleus_and_border, {"method": "interior"}),
    "touching": Head(
        ("background", "interior", "touching"), targets.touching, {"method": "interior"}
    ),
    "border": Head(("background", "interior", "border"), targets.border, _INTERIOR),
    "distance": Head(
        ("background", "interior", "border", "distance"), targets.border_and_distance, _INTERIOR
    ),
}
# What stands in a card.
HEADS_BY_OUTPUTS = {head.outputs: head for head in HEADS.values()}
