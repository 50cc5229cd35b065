import json

import numpy as np
import pytest
from attrs import asdict
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.unet.blocks import BLOCKS
from nucfuse.models.unet.config import PRESETS, UNetConfig
from nucfuse.models.unet.heads import HEADS
from nucfuse.models.unet.network import build_unet
from nucfuse.settings import read

SMALL = {"widths": (4, 8, 8)}
VARIANTS = [
    *({"block": block, "norm": norm} for block in BLOCKS for norm in ("none", "batch")),
    *({"head": head} for head in HEADS),
    {"activation": "elu", "dropout": 0.1, "up": "transposed", "input": "rgb"},
    {"activation": "selu", "initialiser": "lecun_normal", "norm": "none", "dropout": 0.05},
    {"widths": (4,)},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_every_variant_gives_probabilities_of_its_outputs(settings):
    config = UNetConfig(**{**SMALL, **settings})
    model = build_unet(config)
    rng = np.random.default_rng(0)
    images = rng.random((2, 16, 24, CHANNELS[config.input]), np.float32)
    values = model(images, training=False).numpy()
    assert values.shape == (2, 16, 24, len(HEADS[config.head].outputs))
    assert values.min() >= 0
    assert values.max() <= 1
    if HEADS[config.head].n_classes:
        assert_allclose(values[..., :3].sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("settings", [*VARIANTS, *map(asdict, PRESETS.values())])
def test_a_config_is_the_same_after_json(settings):
    config = UNetConfig(**settings)
    assert UNetConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_the_seed_decides_the_weights():
    one, same, other = (build_unet(UNetConfig(**SMALL), seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("head", HEADS)
def test_bfloat16_inside_keeps_weights_and_probabilities_in_float32(head):
    import keras

    config = UNetConfig(**SMALL, head=head)
    model, full = build_unet(config, 3, "bfloat16"), build_unet(config, 3)
    assert keras.config.dtype_policy().name == "float32"  # of whatever is built next
    image = np.random.default_rng(0).random((1, 32, 32, 1), np.float32)
    values, exact = model(image, training=False).numpy(), full(image, training=False).numpy()
    assert values.dtype == np.float32
    for a, b in zip(model.get_weights(), full.get_weights(), strict=True):
        assert a.dtype == np.float32
        assert_array_equal(a, b)
    assert_allclose(values, exact, atol=0.05)
    assert (values != exact).any()


def test_the_studys_networks_go_down_to_8_squared():
    sides = {name: config.size // config.stride for name, config in PRESETS.items() if config.size}
    assert sides == {"study-128": 8, "study-256": 8, "study-512": 8}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 3}, "no setting 'depth'; there are: widths, input"),
        ({"widths": []}, "widths must be 1 to 8 whole numbers"),
        ({"widths": [8, 0]}, "widths must be 1 to 8 whole numbers"),
        ({"widths": 8}, "widths must be 1 to 8 whole numbers of at least 1, got 8"),
        ({"block": "dense"}, "block must be one of plain, residual"),
        ({"head": "masks"}, "head must be one of nucleus"),
        ({"dropout": 1}, r"dropout must be a number in \[0, 1\)"),
        ({"dropout": "much"}, "dropout must be a number"),
        ({"widths": [8, 8], "size": 7}, "size must be 0 or a multiple of 2"),
    ],
)
def test_settings_that_cannot_be_are_said(settings, message):
    with pytest.raises(DataError, match=message):
        read(UNetConfig, settings, "a U-Net")
