"""Speed of `nucfuse predict` on one core: `python benchmarks/predict.py --data IMAGES`.

Two figures: images of 256 x 256 that the network alone does in a second, and the CPU seconds of the
whole command for 65 images over those of them that it spends inside the network (ONNX Runtime's
`run`), a second pass over rescaled images included. The network is the shipped one, or --card.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
from measure import cpu_times

from nucfuse.data.formats.image_folder import open_images
from nucfuse.models.files.card import shipped_cards
from nucfuse.models.files.read_card import read_card
from nucfuse.models.load import default_model
from nucfuse.models.unet.graph import UNetGraph

N_IMAGES = 65
WANTED_SPEED, WANTED_RATIO = 20, 1.5
# The command itself, with a clock around the network. One worker: all is in one thread.
COMMAND = """
import atexit, time
from nucfuse.cli import main
from nucfuse.models.unet.graph import UNetGraph

run, inside = UNetGraph.run, []

def timed(self, batch):
    begin = time.process_time()
    result = run(self, batch)
    inside.append(time.process_time() - begin)
    return result

UNetGraph.run = timed
atexit.register(lambda: print("inside", sum(inside), len(inside)))
main()
"""


def main() -> None:
    """Measure and print both figures."""
    args = arguments()
    card = args.card or shipped_cards()[default_model()]
    network = UNetGraph(read_card(card))
    square = np.random.default_rng(0).random((1, 256, 256, 1), np.float32)
    speed = 1 / min(cpu_times(lambda: network.run(square), 20))
    print(f"network alone at 256 x 256: {speed:.1f} images/s (wanted: {WANTED_SPEED})")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        names = some(args.data)
        sizes = {copied(args.data, name, folder / "images") for name in names}
        runs = [timed(folder / "images", card, folder / f"{k}.npz") for k in range(args.repeats)]
    whole, inside, n = min(runs)
    print(f"{len(names)} images of {len(sizes)} sizes: the whole command takes {whole:.2f} s, "
          f"{inside:.2f} s of them in {n} runs of the network: {whole / inside:.2f} times as long "
          f"(wanted: {WANTED_RATIO})")  # fmt: skip


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="images or a DSB2018 folder")
    parser.add_argument("--card", type=Path, help="NAME.json of another network")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def some(data: Path) -> list[str]:
    """Every n-th image, so that all sizes are among them."""
    ids = open_images(data).ids
    return [ids[k * len(ids) // N_IMAGES] for k in range(min(N_IMAGES, len(ids)))]


def copied(data: Path, image_id: str, folder: Path) -> tuple[int, ...]:
    """Copy an image to the folder; its shape."""
    image = open_images(data).image(image_id)
    (folder / f"{image_id}.png").write_bytes(imagecodecs.png_encode(image))
    return image.shape


def timed(images: Path, card: Path, out: Path) -> tuple[float, float, int]:
    """CPU seconds of the whole command and inside the network, and how often it ran."""
    command = [sys.executable, "-c", COMMAND, "predict", str(images), "--model", str(card),
               "--out", str(out), "--engine", "serial"]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    _, inside, n = done.stdout.split()
    return whole, float(inside), int(n)


if __name__ == "__main__":
    main()
