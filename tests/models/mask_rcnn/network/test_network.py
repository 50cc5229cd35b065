import numpy as np
import pytest
from attrs import evolve
from made_mask_rcnn import TINY
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.config import PRESETS
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn, set_stage
from nucfuse.models.mask_rcnn.network.rpn import region_proposals
from nucfuse.models.style import Style

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RESNET = {"backbone": "resnet50", "widths": (), "strides": (4, 8, 16, 32, 64),
          "anchor_sizes": (8, 16, 32, 64, 128)}  # fmt: skip
VARIANTS = [
    {},
    {"masks": False},
    {"roi_method": "pool"},
    {"n_classes": 4, "roi_samples": 2},
    {"input": "rgb", "means": (100, 90, 80), "batch_norm": "frozen"},
    {"strides": (2, 4), "anchor_sizes": (8, 16), "widths": (4, 4)},
    {"strides": (8, 16), "anchor_sizes": (8, 16), "widths": (4, 4, 4, 4), "ratios": (1,)},
    {**RESNET, "input": "rgb"},
]
ROIS = np.array([[3, 4, 30, 20], [0, 0, 64, 64], [10, 10, 10.5, 60]], np.float32)
IMAGES = np.array([1, 0, 1], np.int32)


def outputs(model, seed=0):
    channels = model.features.input_shape[-1]
    images = np.random.default_rng(seed).random((2, 64, 128, channels), np.float32)
    *maps, logits, deltas = (x.numpy() for x in model.features(images, training=False))
    regions = [ROIS, IMAGES, ROIS[:2], IMAGES[:2]][: 4 if model.config.masks else 2]
    return maps, logits, deltas, [x.numpy() for x in model.heads([*maps, *regions])]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_every_variant_gives_what_it_says(settings):
    config = evolve(TINY, **settings)
    maps, logits, deltas, heads = outputs(build_mask_rcnn(config))
    sides = [(2, 64 // s, 128 // s, 8) for s in config.roi_strides]
    assert [m.shape for m in maps] == sides
    n = len(anchors((64, 128), config))
    assert (logits.shape, deltas.shape) == ((2, n), (2, n, 4))
    k = config.n_classes
    assert [x.shape for x in heads] == [(3, k), (3, k, 4), (2, 28, 28, k - 1)][: len(heads)]
    assert len(heads) == 2 + config.masks
    assert_allclose(heads[0].sum(axis=1), 1, rtol=1e-5)
    assert all(x.dtype == np.float32 for x in (logits, deltas, *heads))


def test_a_resnet_reads_regions_from_four_levels_and_proposes_on_five():
    config = evolve(TINY, **RESNET)
    assert config.roi_strides == (4, 8, 16, 32)
    assert TINY.roi_strides == TINY.strides


def test_the_rpn_speaks_of_anchors_in_their_order():
    """One bright cell, a network that passes it on: the anchors centred there, ratio by ratio."""
    import keras

    shape, config = (64, 128), evolve(TINY, fpn_width=1)
    levels = [keras.Input((None, None, 1)) for _ in config.strides]
    model = keras.Model(levels, region_proposals(levels, config, Style("relu", "he_normal", "none",
                                                                       0.0, 0)))  # fmt: skip
    centre = np.zeros((3, 3, 1, 1), np.float32)
    centre[1, 1] = 1
    of_ratio = np.arange(1, 4, dtype=np.float32)
    of_delta = np.arange(1, 13, dtype=np.float32)
    model.set_weights([centre, np.zeros(1), of_ratio.reshape(1, 1, 1, 3), np.zeros(3),
                       of_delta.reshape(1, 1, 1, 12), np.zeros(12)])  # fmt: skip
    grid = anchors(shape, config)
    centres = (grid[:, :2] + grid[:, 2:]) / 2
    sides = np.sqrt(np.prod(grid[:, 2:] - grid[:, :2], axis=1))
    for level, (i, j) in enumerate([(5, 17), (7, 0), (3, 6), (1, 3)]):
        stride, size = config.strides[level], config.anchor_sizes[level]
        maps = [np.zeros((1, shape[0] // s, shape[1] // s, 1), np.float32) for s in config.strides]
        maps[level][0, i, j] = 1
        logits, deltas = (x.numpy()[0] for x in model(maps))
        at = np.isclose(centres, ((i + 0.5) * stride, (j + 0.5) * stride)).all(axis=1)
        expected = np.flatnonzero(at & np.isclose(sides, size))
        assert_array_equal(np.flatnonzero(logits), expected)
        assert_array_equal(logits[expected], of_ratio)
        assert_array_equal(deltas[expected].ravel(), of_delta)
        heights = grid[expected, 2] - grid[expected, 0]
        assert_allclose(heights / (grid[expected, 3] - grid[expected, 1]), config.ratios, rtol=1e-5)


def test_regions_are_read_from_their_own_image():
    model = build_mask_rcnn(TINY)
    rng = np.random.default_rng(0)
    maps = [rng.random((2, 64 // s, 64 // s, 8), np.float32) for s in TINY.strides]
    rois, one, other = ROIS[:1], np.zeros(1, np.int32), np.ones(1, np.int32)
    together = model.heads([*maps, np.repeat(rois, 2, axis=0), IMAGES[[1, 0]], rois, other])
    for k, image in enumerate((one, other)):
        alone = model.heads([*(m[k : k + 1] for m in maps), rois, one, rois, one])
        assert_allclose(together[0][k], alone[0][0], rtol=1e-5)
        swapped = model.heads([*maps, rois, image, rois, image])
        assert_allclose(swapped[2], alone[2], rtol=1e-4)
    assert np.abs(together[0][0] - together[0][1]).max() > 1e-6


def test_means_are_subtracted_in_units_of_bytes():
    """An image of the means is 0 to the backbone."""
    import keras

    config = evolve(TINY, input="rgb", means=(120, 60, 30), batch_norm="frozen")
    model = build_mask_rcnn(config)
    grey = np.broadcast_to(np.float32([120, 60, 30]) / 255, (1, 32, 32, 3))
    first = keras.Model(model.features.input, model.features.layers[1].output)
    assert_allclose(first(grey), 0, atol=1e-5)
    assert_allclose(first(grey + np.float32(1 / 255)), 1, atol=1e-4)


def test_the_seed_decides_the_weights():
    one, same, other = (build_mask_rcnn(TINY, seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        assert_array_equal(a, b)
    kernels = [(a, b) for a, b in zip(one, other, strict=True) if a.ndim > 1]
    assert all((a != b).any() for a, b in kernels)


def test_no_two_layers_start_alike():
    kernels = [w.ravel()[:16] for w in build_mask_rcnn(TINY).get_weights() if w.ndim > 1]
    scaled = {tuple(np.round(k / np.abs(k).max(), 4)) for k in kernels}
    assert len(scaled) == len(kernels)


def test_bfloat16_inside_keeps_weights_and_results_in_float32():
    import keras

    model, full = build_mask_rcnn(TINY, 3, "bfloat16"), build_mask_rcnn(TINY, 3)
    assert keras.config.dtype_policy().name == "float32"  # of whatever is built next
    for a, b in zip(model.get_weights(), full.get_weights(), strict=True):
        assert a.dtype == np.float32
        assert_array_equal(a, b)
    maps, logits, deltas, heads = outputs(model)
    exact = outputs(full)
    assert maps[0].dtype != np.float32
    for a, b in zip((logits, deltas, *heads), (*exact[1:3], *exact[3]), strict=True):
        assert a.dtype == np.float32
        assert_allclose(a, b, atol=0.05 * np.abs(b).max())
        assert (a != b).any()


def test_saved_weights_give_the_same_outputs(tmp_path):
    model, other = build_mask_rcnn(TINY, 1), build_mask_rcnn(TINY, 2)
    model.save_weights(tmp_path / "a.weights.h5")
    other.load_weights(tmp_path / "a.weights.h5")
    one, same = outputs(model), outputs(other)
    for a, b in zip([*one[0], *one[1:3], *one[3]], [*same[0], *same[1:3], *same[3]], strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_each_stage_trains_the_layers_that_it_names(norm):
    model = build_mask_rcnn(evolve(TINY, batch_norm=norm))
    # 1 + 4 x 3 convolutions and 1 + 4 x 2 norms of two weights; outside, each with kernel and bias,
    # the layers of pyramid, RPN, box head and mask head.
    backbone, outside = 13 + 2 * 9 * (norm == "trained"), 2 * (8 + 3 + 4 + 3)
    assert len(model.trainable_variables) == backbone + outside
    set_stage(model, "heads")
    assert len(model.trainable_variables) == outside
    set_stage(model, "all")
    assert len(model.trainable_variables) == backbone + outside
    with pytest.raises(DataError, match="stage must be one of all, heads, got 'rpn'"):
        set_stage(model, "rpn")


@pytest.mark.parametrize(
    ("name", "count"),
    [("small", 1_773_402), ("paper-resnet50", 44_054_938), ("paper-resnet101", 63_125_402)],
)
def test_parameters_of_the_presets(name, count):
    assert build_mask_rcnn(PRESETS[name]).count_params() == count
