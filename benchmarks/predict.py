"""Speed of `nucfuse predict` on one core: `python benchmarks/predict.py --data IMAGES`.

Two figures: images of 256 x 256 that the network alone does in a second, and the seconds of the
whole command over those that the network takes for the same images, padded to the same shapes. Both
are CPU seconds of one thread. The network is the shipped one, or --card.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import cpu_times
from numpy.typing import NDArray

from nucfuse.data.image_folder import open_images
from nucfuse.models.base import default_model
from nucfuse.models.card import read_card, shipped_cards
from nucfuse.models.inference import as_seen
from nucfuse.models.network import Network
from nucfuse.models.tiling import padded

N_IMAGES = 65
WANTED_SPEED, WANTED_RATIO = 20, 1.5
COMMAND = [sys.executable, "-c", "from nucfuse.cli import main; main()", "predict"]


def main() -> None:
    """Measure and print both figures."""
    args = arguments()
    card = args.card or shipped_cards()[default_model()]
    network = Network(read_card(card))
    square = np.random.default_rng(0).random((1, 256, 256, 1), np.float32)
    speed = 1 / min(cpu_times(lambda: network.run(square), 20))
    print(f"network alone at 256 x 256: {speed:.1f} images/s (wanted: {WANTED_SPEED})")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        batches = [taken(args.data, image_id, folder, network) for image_id in some(args.data)]
        inside, whole = [], []
        for k in range(args.repeats):
            inside.append(min(cpu_times(lambda: [network.run(b) for b in batches], 1)))
            whole.append(command_seconds(folder / "images", card, folder / f"out{k}.npz"))
    ratio = min(whole) / min(inside)
    print(f"{len(batches)} images of {len({b.shape for b in batches})} shapes: network "
          f"{min(inside):.2f} s, whole command {min(whole):.2f} s, {ratio:.2f} times as long "
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


def taken(data: Path, image_id: str, folder: Path, network: Network) -> NDArray[np.float32]:
    """Copy an image to the folder; it comes back as the network gets it."""
    import imagecodecs

    image = open_images(data).image(image_id)
    (folder / "images" / f"{image_id}.png").write_bytes(imagecodecs.png_encode(image))
    seen = padded(as_seen(image, network.card.input), network.card.stride)
    return (seen.astype(np.float32) / np.float32(255))[np.newaxis]


def command_seconds(images: Path, card: Path, out: Path) -> float:
    """User and system time of the whole command, with one worker."""
    command = [*COMMAND, str(images), "--model", str(card), "--out", str(out), "--jobs", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
