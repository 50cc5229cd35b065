"""What a Mask R-CNN is and how it is trained, as plain values. Loads no Keras."""

from typing import ClassVar

import attrs

from nucfuse.errors import DataError
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.training.config import TrainingConfig
from nucfuse.settings import choice, number, numbers, switch

# The five losses, in the order of their weights.
LOSSES = ("rpn_class", "rpn_box", "class", "box", "mask")
_MOST = 1e6  # of what is listed


@attrs.frozen
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

    input: str = choice("rgb", tuple(CHANNELS))
    means: tuple[float, ...] = numbers((123.7, 116.8, 103.9), (0, 3), 0, _MOST)
    size: int = number(1024, 0, 8192)
    backbone: str = choice("resnet50", ("small", "resnet50", "resnet101"))
    widths: tuple[int, ...] = numbers((), (0, 8), 1, _MOST, whole=True)
    batch_norm: str = choice("frozen", ("frozen", "trained"))
    fpn_width: int = number(256, 1, 4096)
    strides: tuple[int, ...] = numbers((4, 8, 16, 32, 64), (1, 8), 1, _MOST, whole=True)
    anchor_sizes: tuple[float, ...] = numbers((32, 64, 128, 256, 512), (1, 8), 0.01, _MOST)
    ratios: tuple[float, ...] = numbers((0.5, 1, 2), (1, 16), 0.01, _MOST)
    box_std: tuple[float, ...] = numbers((0.1, 0.1, 0.2, 0.2), (4, 4), 1e-6, _MOST)
    pre_nms: int = number(6000, 1, 10**6)
    rpn_nms: float = number(0.7, 0, 0.9999)
    train_proposals: int = number(2000, 1, 10**5)
    test_proposals: int = number(1000, 1, 10**5)
    min_side: float = number(0.5, 0.01, 1024)
    rpn_batch: int = number(256, 1, 10**6)
    rpn_share: float = number(0.5, 0, 1)
    rpn_high: float = number(0.7, 0.01, 1)
    rpn_low: float = number(0.3, 0, 1)
    rois: int = number(512, 1, 10**5)
    roi_share: float = number(0.25, 0, 1)
    roi_high: float = number(0.5, 0.01, 1)
    max_truth: int = number(100, 1, 10**5)
    roi_method: str = choice("align", ("align", "pool"))
    roi_samples: int = number(2, 1, 8)
    canonical: float = number(224.0, 1, 8192)
    box_pool: int = number(7, 1, 64)
    mask_pool: int = number(14, 1, 64)
    mask_convs: int = number(4, 0, 16)
    head_width: int = number(1024, 1, 16384)
    n_classes: int = number(2, 2, 1000)
    masks: bool = switch(True)
    mini_mask: int = number(0, 0, 1024)
    min_confidence: float = number(0.05, 0, 1)
    detection_nms: float = number(0.5, 0, 0.9999)
    max_instances: int = number(100, 1, 10**5)
    mask_threshold: float = number(0.5, 0, 1)
    loss_weights: tuple[float, ...] = numbers((1, 1, 1, 1, 1), (5, 5), 0, _MOST)
    l2: float = number(1e-4, 0, 1)

    def __attrs_post_init__(self) -> None:
        self._check_levels()
        if self.rpn_low > self.rpn_high:
            raise DataError(
                f"rpn_low must be at most rpn_high, got {self.rpn_low} and {self.rpn_high}"
            )
        if len(self.anchor_sizes) != len(self.strides):
            raise DataError(
                f"anchor_sizes must have one size for each of the {len(self.strides)} strides, got "
                f"{self.anchor_sizes!r}"
            )
        n_channels = CHANNELS[self.input]
        if len(self.means) not in (0, n_channels):
            raise DataError(
                f"means must be one for each of the {n_channels} channels of input {self.input!r}, "
                f"or none, got {self.means!r}"
            )
        if self.size % self.stride:
            raise DataError(f"size must be 0 or a multiple of {self.stride}, got {self.size}")

    def _check_levels(self) -> None:
        """Raise a DataError if the levels are not such as the backbone can give."""
        first, n = self.strides[0], len(self.strides)
        if first not in (2, 4, 8, 16) or self.strides != tuple(first * 2**k for k in range(n)):
            raise DataError(
                f"strides must begin with 2, 4, 8 or 16 and double from level to level, got "
                f"{self.strides!r}"
            )
        if self.backbone == "small":
            n_widths = self.stride.bit_length() - 1
            if len(self.widths) != n_widths:
                raise DataError(
                    f"widths must be {n_widths} numbers, for the strides 2 to {self.stride}, got "
                    f"{self.widths!r}"
                )
        elif self.widths:
            raise DataError(f"widths are for the backbone 'small' only, got {self.widths!r}")
        elif first != 4 or n not in (4, 5):
            raise DataError(
                f"strides of a ResNet are 4, 8, 16, 32 and perhaps 64, got {self.strides}"
            )

    @property
    def stride(self) -> int:
        """Height and width of what it is given must be multiples of this."""
        return self.strides[-1]

    @property
    def roi_strides(self) -> tuple[int, ...]:
        """Strides of the levels that regions are read from: those that the backbone has."""
        return self.strides if self.backbone == "small" else self.strides[:4]

    @property
    def mask_size(self) -> int:
        """Side of the masks of the mask head."""
        return 2 * self.mask_pool

    @property
    def anchors_per_cell(self) -> int:
        """Anchors at each cell of a level."""
        return len(self.ratios)


@attrs.frozen(kw_only=True)
class MaskRCNNTraining(TrainingConfig):
    """How a Mask R-CNN is trained; its losses are its own.

    Attributes
    ----------
    network : MaskRCNNConfig
    heads_only : float
        Share of the run, at its end, in which the backbone learns no more.
    """

    model: ClassVar[str] = "mask_rcnn"

    network: MaskRCNNConfig = attrs.field(factory=lambda: PRESETS["small"])
    heads_only: float = number(0.0, 0, 1)


# The paper resizes the shorter side to 800; a square of 1024 is what matterport's Mask_RCNN, on
# which the study builds, makes of it.
_PAPER = MaskRCNNConfig()

# The study's (4.2, 4.4.4), tuned. It says of the weights of the losses only that those of classes
# are higher than those of boxes and those of R-CNN higher than those of the RPN: the numbers are
# ours. 600 proposals are to make a third of the regions positive, which is about training. One
# sample a bin is matterport's.
_STUDY = attrs.evolve(
    _PAPER, size=512, anchor_sizes=(4, 8, 16, 128, 256), train_proposals=600,
    rois=200, roi_share=1 / 3, max_truth=256, roi_samples=1, mini_mask=56, min_confidence=0.7,
    detection_nms=0.3, max_instances=512, loss_weights=(1, 0.5, 2, 1, 1),
)  # fmt: skip

# Trained on a CPU, on crops in which nuclei have one scale.
_SMALL = attrs.evolve(
    _STUDY, input="neutral", means=(), size=0, backbone="small", widths=(16, 32, 64, 96, 160),
    batch_norm="trained", fpn_width=64, strides=(4, 8, 16, 32), anchor_sizes=(12, 24, 48, 96),
    pre_nms=1000, train_proposals=300, test_proposals=300, rois=64, canonical=96, mask_convs=2,
    head_width=256, mini_mask=0, loss_weights=(1, 1, 1, 1, 1),
)  # fmt: skip

PRESETS: dict[str, MaskRCNNConfig] = {
    "small": _SMALL,
    "paper-resnet50": _PAPER,
    "paper-resnet101": attrs.evolve(_PAPER, backbone="resnet101"),
    "study-resnet50": _STUDY,
    "study-resnet101": attrs.evolve(_STUDY, backbone="resnet101"),
}


def preset(name: str) -> MaskRCNNConfig:
    """Look up a preset.

    Raises
    ------
    DataError
        A ValueError. If there is none.
    """
    if name not in PRESETS:
        raise DataError(f"Mask R-CNN preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
