"""Cost of training the Mask R-CNN presets: `python benchmarks/mask_rcnn_steps.py`.

Parameters, CPU time of a step and memory: one image a step with 60 nuclei, fresh weights,
float32 and bfloat16, one thread; each preset in a process of its own, whose greatest memory is
reported. Prints a table in Markdown.
"""

import argparse
import subprocess
import sys

import attrs
import numpy as np
from measure import cpu_seconds
from memory import peak_bytes
from scenes import painted_labels, scattered

from nucfuse.models.mask_rcnn.config import PRESETS

SIZES = {"small": (256,), "paper-resnet50": (256, 512), "paper-resnet101": (256, 512),
         "study-resnet50": (512,), "study-resnet101": (512,)}  # fmt: skip
N_STEPS = 3


def main() -> None:
    """Measure what is asked for, or all presets in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("PRESET", "SIDE", "PRECISION"))
    given = parser.parse_args()
    if given.one:
        print(measure(given.one[0], int(given.one[1]), given.one[2]))
        return
    print("| preset | side | precision | backbone | all | step | peak memory |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for name, sides in SIZES.items():
        for side in sides:
            for precision in ("float32", "bfloat16"):
                job = [sys.executable, __file__, "--one", name, str(side), precision]
                print(subprocess.run(job, check=True, capture_output=True, text=True).stdout,
                      end="", flush=True)  # fmt: skip


def measure(name: str, side: int, precision: str) -> str:
    """A row of the table."""
    from nucfuse.models.mask_rcnn.network.network import backbone_of, build_mask_rcnn
    from nucfuse.models.mask_rcnn.training.step import training_step
    from nucfuse.models.training.loop import set_up_tensorflow

    set_up_tensorflow(1)
    import keras
    import tensorflow as tf

    config = PRESETS[name]
    if config.backbone != "small":  # frozen statistics need loaded weights
        config = attrs.evolve(config, batch_norm="trained")
    model = build_mask_rcnn(config, 0, precision)
    model.optimizer = keras.optimizers.SGD(1e-5, momentum=0.9)
    model.optimizer.build(model.trainable_variables)
    images, labels = scene(side, config)
    step = tf.function(lambda: training_step(model, images, labels)["loss"])
    step()
    seconds = min(cpu_seconds(step) for _ in range(N_STEPS))
    inner, whole = backbone_of(model).count_params(), model.count_params()
    return (f"| {name} | {side} | {precision} | {inner:,} | {whole:,} | {seconds:.2f} s "
            f"| {peak_bytes() / 1e9:.1f} GB |")  # fmt: skip


def scene(side: int, config: object) -> tuple[object, object]:
    """An image with channels as the network takes them, and its labels."""
    import tensorflow as tf

    rng, labels = np.random.default_rng(0), painted_labels(scattered(side, 60, seed=0))
    channels = 3 if config.input == "rgb" else 1
    image = (labels > 0)[..., np.newaxis] + rng.normal(0, 0.1, (side, side, channels))
    return tf.constant(image[np.newaxis], tf.float32), tf.constant(labels[np.newaxis])


if __name__ == "__main__":
    main()
