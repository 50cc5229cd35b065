"""Steps of training: losses as defined, targets as sampled, layers as chosen."""

import numpy as np
import pytest
from attrs import evolve
from made_mask_rcnn import TINY, TWO_LEVELS, DiscBatches
from naive import mask_rcnn_layers as naive
from numpy.testing import assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.config import LOSSES, MaskRCNNTraining
from nucfuse.models.mask_rcnn.network.network import backbone_of, build_mask_rcnn, set_stage
from nucfuse.models.mask_rcnn.training.step import step_losses
from nucfuse.models.mask_rcnn.training.targets import training_targets
from nucfuse.models.training.loop import Trainer

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def compiled(config=TINY, precision="float32", rate=1e-3):
    import keras

    model = build_mask_rcnn(config, 0, precision)
    model.compile(optimizer=keras.optimizers.Adam(rate), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("masks", [True, False])
def test_the_losses_of_a_step_are_those_of_its_targets(masks):
    weights = (0.5, 2, 3, 0.25, 4)
    model = compiled(evolve(TINY, masks=masks, loss_weights=weights, l2=0.01))
    images, labels = DiscBatches().batch(0)
    found = {name: float(value) for name, value in step_losses(model, images, labels).items()}
    *maps, logits, deltas = (x.numpy() for x in model.features(images, training=True))
    t = training_targets(labels, logits, deltas, model.config, (0, 0))
    regions = [t.rois, t.images, t.mask_rois, t.mask_images]
    heads = [x.numpy() for x in model.heads([*maps, *regions[: 4 if masks else 2]])]
    expected = {
        "rpn_class": naive.rpn_class_loss(t.match, logits),
        "rpn_box": naive.rpn_box_loss(t.match, t.anchor_deltas, deltas),
        "class": naive.class_loss(t.classes, heads[0]),
        "box": naive.box_loss(t.classes, t.deltas, heads[1]),
    }
    if masks:
        expected["mask"] = naive.mask_loss(t.mask_classes, t.masks, heads[2])
    kernels = [
        v.numpy() for part in (model.features, model.heads) for layer in part.layers
        if layer.name != "backbone" for v in layer.weights if v.ndim > 1
    ]  # fmt: skip
    expected["l2"] = 0.01 / 2 * sum((k.astype(float) ** 2).sum() for k in kernels)
    total = sum(w * expected.get(name, 0) for name, w in zip(LOSSES, weights, strict=True))
    expected["loss"] = total + expected["l2"]
    assert found == pytest.approx(expected, rel=1e-3)
    assert min(found.values()) > 0


@pytest.mark.slow
def test_every_weight_learns():
    import tensorflow as tf

    model = compiled()
    with tf.GradientTape() as tape:
        loss = step_losses(model, *DiscBatches().batch(0))["loss"]
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_steps_lower_the_loss(precision):
    model = compiled(TWO_LEVELS, precision, rate=3e-3)
    images, labels = DiscBatches().batch(0)
    logs = [model.train_on_batch(images, labels, return_dict=True) for _ in range(25)]
    assert set(logs[0]) == {"loss", "l2", *LOSSES}
    first, last = (float(np.mean([log["loss"] for log in part])) for part in (logs[:3], logs[-3:]))
    assert last < 0.8 * first


@pytest.mark.slow
def test_images_without_nuclei_are_learned_from():
    model = compiled(TWO_LEVELS)
    images = np.random.default_rng(0).random((2, 64, 64, 1), np.float32)
    labels = np.zeros((2, 64, 64), np.int32)
    logs = [model.train_on_batch(images, labels, return_dict=True) for _ in range(5)]
    assert all(log[name] == 0 for log in logs for name in ("rpn_box", "box", "mask"))
    assert logs[-1]["rpn_class"] < logs[0]["rpn_class"]
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.slow
def test_nuclei_at_the_border_and_one_pixel_wide_are_learned_from():
    labels = np.zeros((1, 64, 64), np.int32)
    labels[0, 0, :20], labels[0, 10:40, 63], labels[0, 63, 0], labels[0, 30, 30] = 1, 2, 3, 7
    model = compiled()
    image = (labels[..., np.newaxis] > 0).astype(np.float32)
    for _ in range(3):
        assert np.isfinite(model.train_on_batch(image, labels, return_dict=True)["loss"])


@pytest.mark.slow
def test_heads_alone_leave_the_backbone_as_it_is():
    model = compiled(TWO_LEVELS)
    batch = DiscBatches().batch(0)
    model.train_on_batch(*batch)
    set_stage(model, "heads")
    before = backbone_of(model).get_weights(), model.heads.get_weights()
    model.train_on_batch(*batch)
    for a, b in zip(before[0], backbone_of(model).get_weights(), strict=True):
        assert_array_equal(a, b)  # the statistics of batch normalisation, too
    assert all((a != b).any() for a, b in zip(before[1], model.heads.get_weights(), strict=True))
    set_stage(model, "all")
    model.train_on_batch(*batch)
    after = backbone_of(model).get_weights()
    assert any((a != b).any() for a, b in zip(before[0], after, strict=True))


CONFIG = MaskRCNNTraining(network=TWO_LEVELS, side=64, batch=2, steps=3, epochs=2, validation=0.0)


def trainer(path, config=CONFIG):
    return Trainer(build_mask_rcnn(TWO_LEVELS), DiscBatches(), config, path)


def killed(row):
    """Ends a run after its first epoch."""
    raise KeyboardInterrupt


@pytest.mark.slow
def test_the_trainer_logs_every_loss_and_goes_on_where_it_stopped(tmp_path):
    whole = trainer(tmp_path / "a.npz")
    whole.run()
    assert set(LOSSES) < set(whole.progress.log[0])
    stopped = trainer(tmp_path / "b.npz")
    with pytest.raises(KeyboardInterrupt):
        stopped.run(killed)
    again = trainer(tmp_path / "b.npz")
    again.run()
    for a, b in zip(whole.progress.log[1:], again.progress.log[1:], strict=True):
        assert a.pop("seconds") >= 0
        assert b.pop("seconds") >= 0
        assert a == pytest.approx(b, rel=1e-3)


@pytest.mark.slow
def test_the_trainer_goes_through_stages_also_when_resumed(tmp_path):
    config = evolve(CONFIG, heads_only=0.5, ema=0.0)
    first = trainer(tmp_path / "a.npz", config)
    with pytest.raises(KeyboardInterrupt):
        first.run(killed)
    middle = backbone_of(first.model).get_weights()
    again = trainer(tmp_path / "a.npz", config)
    again.run()
    for a, b in zip(middle, backbone_of(again.model).get_weights(), strict=True):
        assert_array_equal(a, b)
    heads = first.model.heads.get_weights(), again.model.heads.get_weights()
    assert any((a != b).any() for a, b in zip(*heads, strict=True))


@pytest.mark.slow
def test_a_network_that_diverged_says_so(tmp_path):
    run = trainer(tmp_path / "a.npz")
    run.model.set_weights([np.full_like(w, np.nan) for w in run.model.get_weights()])
    with pytest.raises(DataError, match="the loss became nan at step 1; lower the rate"):
        run.run()
