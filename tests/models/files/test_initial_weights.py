"""Runs that start from another network: it must be the same."""

import pytest
from attrs import asdict, evolve
from made_mask_rcnn import TINY
from made_networks import write_network

from nucfuse.errors import DataError
from nucfuse.models.files.initial_weights import check_same_network
from nucfuse.models.files.read_card import read_card
from nucfuse.models.mask_rcnn.config import PRESETS as MASK_RCNNS
from nucfuse.models.mask_rcnn.config import MaskRCNNTraining
from nucfuse.models.unet.config import PRESETS as UNETS
from nucfuse.models.unet.config import UNetTraining


def card(folder, network, kind="mask_rcnn"):
    return read_card(write_network(folder, network=asdict(network), kind=kind))


def rcnn(network):
    return MaskRCNNTraining(network=network)


def test_the_same_network_is_taken(tmp_path):
    for name, preset in MASK_RCNNS.items():
        check_same_network(card(tmp_path, preset), rcnn(MASK_RCNNS[name]))
    check_same_network(card(tmp_path, UNETS["small"], "unet"), UNetTraining())


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        ("study-resnet50", "small", "preset 'study-resnet50'.*the config's, preset 'small'"),
        ("paper-resnet50", "paper-resnet101",
         "preset 'paper-resnet50', is another than the config's, preset 'paper-resnet101' "
         r"\(backbone 'resnet50' there, 'resnet101' here\); let \[network\]"),
    ],
    ids=["study", "paper"],
)  # fmt: skip
def test_weights_of_another_preset_are_refused_by_both_names(tmp_path, theirs, ours, said):
    with pytest.raises(DataError, match=said):
        check_same_network(card(tmp_path, MASK_RCNNS[theirs]), rcnn(MASK_RCNNS[ours]))


def test_what_is_no_preset_is_called_so(tmp_path):
    other = evolve(TINY, fpn_width=12)
    with pytest.raises(DataError, match=r"no preset, is another than.*no preset \(fpn_width 12"):
        check_same_network(card(tmp_path, other), rcnn(TINY))


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match="its network is a unet, the config's is a mask_rcnn"):
        check_same_network(card(tmp_path, UNETS["small"], "unet"), rcnn(TINY))
