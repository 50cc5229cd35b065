"""Cost of training the Mask R-CNN presets: `python benchmarks/mask_rcnn_steps.py`.

Parameters, CPU time of a step and memory: one image a step with 60 discs as nuclei, fresh weights,
float32 and bfloat16, one thread; each preset in a process of its own, whose greatest memory is
reported. Prints a table in Markdown.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

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
    from nucfuse.models.mask_rcnn.network import backbone_of, build_mask_rcnn
    from nucfuse.models.mask_rcnn.training_step import training_step
    from nucfuse.models.training import limit_threads

    limit_threads(1)
    import keras
    import tensorflow as tf

    config = PRESETS[name]
    if config.backbone != "small":  # frozen statistics need loaded weights
        config = replace(config, batch_norm="trained")
    model = build_mask_rcnn(config, 0, precision)
    model.optimizer = keras.optimizers.SGD(1e-5, momentum=0.9)
    model.optimizer.build(model.trainable_variables)
    images, labels = scene(side, config)
    step = tf.function(lambda: training_step(model, images, labels)["loss"])
    step()
    times = []
    for _ in range(N_STEPS):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    inner, whole = backbone_of(model).count_params(), model.count_params()
    return (f"| {name} | {side} | {precision} | {inner:,} | {whole:,} | {min(times):.2f} s "
            f"| {peak:.1f} GB |")  # fmt: skip


def scene(side: int, config: object) -> tuple[object, object]:
    """An image with channels as the network takes them, and its labels."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for number, (cy, cx, r) in enumerate(rng.uniform(8, [side, side, 20], (60, 3)), 1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = number
    channels = 3 if config.input == "rgb" else 1
    image = (labels > 0)[..., np.newaxis] + rng.normal(0, 0.1, (side, side, channels))
    return tf.constant(image[np.newaxis], tf.float32), tf.constant(labels[np.newaxis])


if __name__ == "__main__":
    main()
