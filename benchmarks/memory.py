"""In a process of its own: how far scoring two label images lifts the peak of memory.

`python memory.py FOLDER` reads FOLDER/true.npy and FOLDER/pred.npy and prints megabytes.
"""

import sys
from pathlib import Path

import numpy as np

import nucfuse as nf


def peak_bytes() -> int:
    """Largest resident size of this process so far.

    Not `resource.getrusage`: that one keeps the peak of the process this one was started from.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmHWM in /proc/self/status; this row needs Linux")


def main(folder: Path) -> None:
    """Score a small pair, to have everything loaded, then the large one."""
    small = np.eye(8, dtype=np.int32)
    nf.score(small, small)
    true, pred = np.load(folder / "true.npy"), np.load(folder / "pred.npy")
    before = peak_bytes()
    nf.score(true, pred)
    print((peak_bytes() - before) / 1e6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
