"""What the settings of a Mask R-CNN may be."""

from typing import Any

from nucfuse.data.config_checks import check_choices, check_numbers, is_number
from nucfuse.errors import DataError
from nucfuse.models.inputs import CHANNELS

_CHOICES = {
    "backbone": ("small", "resnet50", "resnet101"),
    "input": tuple(CHANNELS),
    "batch_norm": ("frozen", "trained"),
    "roi_method": ("align", "pool"),
}
# Smallest and largest value of each whole number, and of each other one.
_WHOLE: dict[str, tuple[float, float]] = {
    "size": (0, 8192),
    "fpn_width": (1, 4096),
    "head_width": (1, 16384),
    "mask_convs": (0, 16),
    "n_classes": (2, 1000),
    "roi_samples": (1, 8),
    "box_pool": (1, 64),
    "mask_pool": (1, 64),
    "pre_nms": (1, 10**6),
    "train_proposals": (1, 10**5),
    "test_proposals": (1, 10**5),
    "rpn_batch": (1, 10**6),
    "rois": (1, 10**5),
    "max_truth": (1, 10**5),
    "mini_mask": (0, 1024),
    "max_instances": (1, 10**5),
}
_REAL: dict[str, tuple[float, float]] = {
    "canonical": (1, 8192),
    "rpn_nms": (0, 0.9999),
    "min_side": (0.01, 1024),
    "rpn_share": (0, 1),
    "rpn_high": (0.01, 1),
    "rpn_low": (0, 1),
    "roi_share": (0, 1),
    "roi_high": (0.01, 1),
    "min_confidence": (0, 1),
    "detection_nms": (0, 0.9999),
    "mask_threshold": (0, 1),
    "l2": (0, 1),
}
# Fewest and most numbers of each list, and their smallest value.
_LISTS: dict[str, tuple[int, int, float]] = {
    "means": (0, 3, 0),
    "widths": (0, 8, 1),
    "strides": (1, 8, 1),
    "anchor_sizes": (1, 8, 0.01),
    "ratios": (1, 16, 0.01),
    "box_std": (4, 4, 1e-6),
    "loss_weights": (5, 5, 0),
}
_WHOLE_LISTS = ("widths", "strides")


def check(config: Any) -> None:
    """Check a `MaskRCNNConfig`.

    Raises
    ------
    DataError
        A ValueError. If a value is out of range, or two do not go together.
    """
    _check_values(config)
    _check_levels(config)
    if config.rpn_low > config.rpn_high:
        raise DataError(
            f"rpn_low must be at most rpn_high, got {config.rpn_low} and {config.rpn_high}"
        )
    if len(config.anchor_sizes) != len(config.strides):
        raise DataError(
            f"anchor_sizes must have one size for each of the {len(config.strides)} strides, got "
            f"{config.anchor_sizes!r}"
        )
    n_channels = CHANNELS[config.input]
    if len(config.means) not in (0, n_channels):
        raise DataError(
            f"means must be one for each of the {n_channels} channels of input {config.input!r}, "
            f"or none, got {config.means!r}"
        )
    if config.size % config.stride:
        raise DataError(f"size must be 0 or a multiple of {config.stride}, got {config.size}")


def _check_values(config: Any) -> None:
    """Each value alone."""
    check_choices(config, _CHOICES)
    check_numbers(config, _WHOLE | _REAL, _WHOLE)
    for name, (fewest, most, low) in _LISTS.items():
        values, whole = getattr(config, name), name in _WHOLE_LISTS
        right = isinstance(values, tuple) and fewest <= len(values) <= most
        if not right or any(not is_number(v, whole) or not low <= v < 1e6 for v in values):
            n = f"{most}" if fewest == most else f"{fewest} to {most}"
            kind = "whole numbers" if whole else "numbers"
            raise DataError(f"{name} must be {n} {kind} of at least {low:g}, got {values!r}")
    if type(config.masks) is not bool:
        raise DataError(f"masks must be true or false, got {config.masks!r}")


def _check_levels(config: Any) -> None:
    """That the levels are such as the backbone can give."""
    first, n = config.strides[0], len(config.strides)
    if first not in (2, 4, 8, 16) or config.strides != tuple(first * 2**k for k in range(n)):
        raise DataError(
            f"strides must begin with 2, 4, 8 or 16 and double from level to level, got "
            f"{config.strides!r}"
        )
    if config.backbone == "small":
        n_widths = config.stride.bit_length() - 1
        if len(config.widths) != n_widths:
            raise DataError(
                f"widths must be {n_widths} numbers, for the strides 2 to {config.stride}, got "
                f"{config.widths!r}"
            )
    elif config.widths:
        raise DataError(f"widths are for the backbone 'small' only, got {config.widths!r}")
    elif first != 4 or n not in (4, 5):
        raise DataError(
            f"strides of a ResNet are 4, 8, 16, 32 and perhaps 64, got {config.strides}"
        )
