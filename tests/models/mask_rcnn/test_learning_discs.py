"""The small preset learns discs from scratch: all parts together, in minutes."""

import numpy as np
import pytest
from made_mask_rcnn import DiscBatches, discs, segmented

from nucfuse.masks.instances import Instances
from nucfuse.metrics.scoring import score_images
from nucfuse.models.mask_rcnn.config import MaskRCNNTraining, preset
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.models.training.loop import Trainer

SMALL = preset("small")
ABOUT = {"n": 6, "radii": (7, 16)}


@pytest.mark.slow
def test_discs_are_learned_and_so_are_their_mirror_images(tmp_path):
    model = build_mask_rcnn(SMALL)
    config = MaskRCNNTraining(network=SMALL, side=128, batch=4, steps=75, epochs=6, ema=0.95,
                            clip=5.0, rate=2e-3, validation=0.0)  # fmt: skip
    batches = DiscBatches(4, 128, **ABOUT)
    Trainer(model, batches, config, tmp_path / "a.npz").run()

    graphs = model.graphs
    new = [discs(seed, 128, **ABOUT) for seed in range(10**6, 10**6 + 10)]
    found = [segmented(*graphs, image, SMALL) for image, _ in new]
    truth = [Instances.from_labels(labels) for _, labels in new]
    assert score_images(truth, found).dsb_ap > 0.8
    for axis in (0, 1):
        mirrored = [segmented(*graphs, np.flip(image, axis), SMALL) for image, _ in new]
        back = [Instances.from_labels(np.flip(x.to_labels(), axis)) for x in mirrored]
        assert score_images(found, back).dsb_ap > 0.8
