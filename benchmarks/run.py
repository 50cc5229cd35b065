"""All benchmarks in one run: `python benchmarks/run.py --data DSB2018_STAGE1_TRAIN_FOLDER`.

Needs `pip install -e . -r benchmarks/requirements.txt`, then
`pip install --no-deps -r benchmarks/requirements-no-deps.txt`. Every library is held to
one thread. Writes docs/benchmarks.md, with its plot, if nothing was left out by --only.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from measure import Row

TOPICS = ("score", "synthetic", "large", "rle", "iou", "coco_ap", "fusion", "growth", "command")
ROOT = Path(__file__).parents[1]
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1"
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "RAYON")
}


def main() -> None:
    """Measure, print each row as it comes, write the JSON and the page."""
    args = arguments()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # Libraries read these when they are loaded, so that a process of its own is the safe way.
        environment = {**os.environ, **ONE_THREAD}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
    measured = []
    for row in rows(args.data, args.only or list(TOPICS)):
        print(
            f"{row.work} | {row.peer}: {row.peer_figure:.4g} against {row.figure:.4g} {row.unit}, "
            f"{row.rule} {row.ratio:.4g} (wanted {row.wanted:g}){'' if row.met else '  NOT MET'}",
            flush=True,
        )
        measured.append(row)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in measured], indent=1) + "\n")
    if not args.only:
        from page import write_page

        write_page(args.page, measured)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of ID/masks/*.png")
    parser.add_argument("--only", nargs="+", choices=TOPICS, help="leave the other topics out")
    parser.add_argument("--json", type=Path, help="also write every single time here")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    return parser.parse_args()


def rows(data: Path, topics: list[str]) -> Iterator[Row]:
    """The rows of some topics; their modules, and so the peers, are imported when needed."""
    import cv2
    import scenes

    cv2.setNumThreads(1)
    if "command" in topics:
        import command

        yield from command.rows(data)
    real = scenes.real_scene(data) if {"score", "rle", "coco_ap", "fusion"} & set(topics) else None
    if real and "score" in topics:
        import score

        yield from score.rows_of_real(real)
    if "synthetic" in topics:
        import score

        yield from score.rows_of_synthetic(scenes.synthetic_scene(2048, 5_000))
    if "large" in topics:
        import score

        yield from score.rows_of_large(scenes.synthetic_scene(8192, 80_000))
    if real and "rle" in topics:
        import rle

        yield from rle.rows(real)
    if "iou" in topics:
        import iou

        yield from iou.rows()
    if real and "coco_ap" in topics:
        import coco_ap

        yield from coco_ap.rows(real)
    if real and "fusion" in topics:
        import fusion

        yield from fusion.rows(real)
    if "growth" in topics:
        import growth

        yield from growth.rows()


if __name__ == "__main__":
    main()
