"""What a Mask R-CNN is, as plain values: enough to build it again. Loads no Keras."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from nucfuse.data.config_checks import check_names
from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.config_rules import check

# The five losses, in the order of their weights.
LOSSES = ("rpn_class", "rpn_box", "class", "box", "mask")


@dataclass(frozen=True, slots=True)
class MaskRCNNConfig:
    """A Mask R-CNN (He et al. 2017, https://doi.org/10.1109/ICCV.2017.322).

    Lengths are pixels of the network's input image. The defaults are the paper's.

    Attributes
    ----------
    input : str
        What it sees, see `nucfuse.models.inputs`.
    means : tuple of float
        Of each channel, in [0, 255], subtracted from the image in [0, 255]; empty: the network sees
        [0, 1].
    size : int
        Longest side to which images are resized, to be padded with zeros to a square; 0: none are.
    backbone : {"small", "resnet50", "resnet101"}
        He et al. 2016, https://doi.org/10.1109/CVPR.2016.90, or a small one of ``widths``.
    widths : tuple of int
        Channels of the small backbone, the first at half the resolution, each of the others at half
        that of the one before, down to the last of ``strides``.
    batch_norm : {"frozen", "trained"}
        Whether batch normalisation keeps the statistics it was loaded with.
    fpn_width : int
        Channels of the feature pyramid (Lin et al. 2017, https://doi.org/10.1109/CVPR.2017.106), of
        the 3 x 3 convolution of the RPN and of those of the mask head.
    strides : tuple of int
        Of the levels of the pyramid, the finest first; each twice the one before.
    anchor_sizes : tuple of float
        Sides of the square anchors, one size a level.
    ratios : tuple of float
        Height over width of the anchors of a size; all have its area.
    box_std : tuple of float
        Box deltas (y, x, log height, log width) are divided by these.
    pre_nms : int
        Boxes of the highest objectness that suppression sees.
    rpn_nms : float
        A proposal is suppressed by one of higher objectness if their IoU is above this.
    train_proposals, test_proposals : int
        Largest number of proposals kept in training and in prediction.
    min_side : float
        Proposals lower or narrower than this are dropped.
    rpn_batch, rpn_share : int, float
        Anchors of an image that the loss of the RPN sees, and the largest share of positive ones.
    rpn_high, rpn_low : float
        An anchor whose IoU with a nucleus is at least ``rpn_high`` is positive, below ``rpn_low``
        with all of them negative (Ren et al. 2015, https://arxiv.org/abs/1506.01497, 3.1.2).
    rois, roi_share, roi_high : int, float, float
        Regions of an image that the heads are trained on, the largest share of positive ones, and
        the IoU from which on one is positive.
    max_truth : int
        Nuclei of an image that training sees; of more, this many drawn at random.
    roi_method : {"align", "pool"}
        RoIAlign, or the RoIPool of Fast R-CNN (Girshick 2015, https://doi.org/10.1109/ICCV.2015.169).
    roi_samples : int
        RoIAlign samples each bin at this many points a side.
    canonical : float
        Side of a square region that is read from the level of stride 16 (224 in eq. 1 of the FPN
        paper); one of half the side from the level below.
    box_pool, mask_pool : int
        Bins a side of what the box head and the mask head see of a region.
    mask_convs : int
        3 x 3 convolutions of the mask head, before the transposed one that doubles the side.
    head_width : int
        Of the two dense layers of the box head.
    n_classes : int
        With the background, which is class 0.
    masks : bool
        Whether there is a mask head; without, it is a Faster R-CNN (Ren et al. 2015).
    mini_mask : int
        Side to which training masks are shrunk at their box before they are read; 0: they are read
        from the image.
    min_confidence : float
        Lowest probability of what is detected.
    detection_nms : float
        As ``rpn_nms``, for what is detected.
    max_instances : int
        Largest number of nuclei detected in an image.
    mask_threshold : float
        A pixel belongs to a nucleus if its mask there is above this.
    loss_weights : tuple of float
        Of `LOSSES`.
    l2 : float
        Weight of half the squared weights of RPN and heads, not of the backbone, in the loss.
    """

    input: str = "rgb"
    means: tuple[float, ...] = (123.7, 116.8, 103.9)
    size: int = 1024
    backbone: str = "resnet50"
    widths: tuple[int, ...] = ()
    batch_norm: str = "frozen"
    fpn_width: int = 256
    strides: tuple[int, ...] = (4, 8, 16, 32, 64)
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    ratios: tuple[float, ...] = (0.5, 1, 2)
    box_std: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2)
    pre_nms: int = 6000
    rpn_nms: float = 0.7
    train_proposals: int = 2000
    test_proposals: int = 1000
    min_side: float = 0.5
    rpn_batch: int = 256
    rpn_share: float = 0.5
    rpn_high: float = 0.7
    rpn_low: float = 0.3
    rois: int = 512
    roi_share: float = 0.25
    roi_high: float = 0.5
    max_truth: int = 100
    roi_method: str = "align"
    roi_samples: int = 2
    canonical: float = 224.0
    box_pool: int = 7
    mask_pool: int = 14
    mask_convs: int = 4
    head_width: int = 1024
    n_classes: int = 2
    masks: bool = True
    mini_mask: int = 0
    min_confidence: float = 0.05
    detection_nms: float = 0.5
    max_instances: int = 100
    mask_threshold: float = 0.5
    loss_weights: tuple[float, ...] = (1, 1, 1, 1, 1)
    l2: float = 1e-4

    def __post_init__(self) -> None:
        check(self)

    @property
    def stride(self) -> int:
        """Height and width of what it is given must be multiples of this."""
        return self.strides[-1]

    @property
    def mask_size(self) -> int:
        """Side of the masks of the mask head."""
        return 2 * self.mask_pool

    @property
    def anchors_per_cell(self) -> int:
        """Anchors at each cell of a level."""
        return len(self.ratios)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MaskRCNNConfig":
        """From what `to_dict` gives, or a table of a TOML file; what is not named is the default.

        Raises
        ------
        DataError
            A ValueError. If a name is unknown or a value out of range.
        """
        check_names(values, (field.name for field in fields(cls)), "a Mask R-CNN")
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**given)


# The paper resizes the shorter side to 800; a square of 1024 is what matterport's Mask_RCNN, on
# which the study builds, makes of it.
_PAPER = MaskRCNNConfig()

# The study's (4.2, 4.4.4), tuned. It says of the weights of the losses only that those of classes
# are higher than those of boxes and those of R-CNN higher than those of the RPN: the numbers are
# ours. 600 proposals are to make a third of the regions positive, which is about training. One
# sample a bin is matterport's.
_STUDY = replace(
    _PAPER, size=512, anchor_sizes=(4, 8, 16, 128, 256), train_proposals=600,
    rois=200, roi_share=1 / 3, max_truth=256, roi_samples=1, mini_mask=56, min_confidence=0.7,
    detection_nms=0.3, max_instances=512, loss_weights=(1, 0.5, 2, 1, 1),
)  # fmt: skip

# Trained on a CPU, on crops in which nuclei have one scale.
_SMALL = replace(
    _STUDY, input="neutral", means=(), size=0, backbone="small", widths=(16, 32, 64, 96, 160),
    batch_norm="trained", fpn_width=64, strides=(4, 8, 16, 32), anchor_sizes=(12, 24, 48, 96),
    pre_nms=1000, train_proposals=300, test_proposals=300, rois=64, canonical=96, mask_convs=2,
    head_width=256, mini_mask=0, loss_weights=(1, 1, 1, 1, 1),
)  # fmt: skip

PRESETS: dict[str, MaskRCNNConfig] = {
    "small": _SMALL,
    "paper-resnet50": _PAPER,
    "paper-resnet101": replace(_PAPER, backbone="resnet101"),
    "study-resnet50": _STUDY,
    "study-resnet101": replace(_STUDY, backbone="resnet101"),
}


def preset(name: str) -> MaskRCNNConfig:
    """The configuration of that name.

    Raises
    ------
    DataError
        A ValueError. If there is none.
    """
    if name not in PRESETS:
        raise DataError(f"Mask R-CNN preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
