"""IoU of two sets of overlapping masks given as RLE, against four packages."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import peers
from faster_coco_eval.core import mask as faster_coco
from hotcoco import mask as hotcoco
from measure import Row, check, faster
from pycocotools import mask as pycoco
from scenes import crops_of, scattered
from ultrafast_pycocotools import mask as ultrafast

import nucfuse as nf

PACKAGES: dict[str, Callable[..., Any]] = {
    "pycocotools": pycoco.iou,
    "ultrafast-pycocotools": ultrafast.iou,
    "faster-coco-eval": faster_coco.iou,
    "hotcoco": hotcoco.iou,
}
SIDE = 2048


def rows() -> Iterator[Row]:
    """A row per package; all start from COCO strings and end with the IoU of every pair.

    Masks are large for their grid, so that each meets about seven of the other set: a scene as
    several models predict it together.
    """
    ellipses = scattered(SIDE, 5000, seed=3, radius=0.75)
    texts = [
        nf.Instances.from_crops(*crops_of(one), (SIDE, SIDE)).to_rle("coco")
        for one in (ellipses, scattered(SIDE, 5000, seed=4, radius=0.75))
    ]
    true, pred = (peers.as_rles(of_set, (SIDE, SIDE)) for of_set in texts)

    def ours() -> Any:
        a, b = (nf.Instances.from_rle(t, (SIDE, SIDE), dialect="coco") for t in texts)
        return nf.mask_iou(a, b)

    first, second, iou = ours()
    dense = np.zeros((len(true), len(pred)))
    dense[first, second] = iou
    work = f"IoU of 2 x {len(true):,} overlapping masks from RLE, {SIDE} x {SIDE}"
    note = f"{iou.size:,} pairs share pixels"
    crowd = [0] * len(pred)
    for name, their_iou in PACKAGES.items():
        theirs = np.asarray(their_iou(true, pred, crowd))
        check(np.allclose(theirs, dense, rtol=1e-12, atol=0), f"IoU of {name}")
        peer = f"{name} {peers.version(name)}"
        yield faster(work, peer, lambda f=their_iou: f(true, pred, crowd), ours, 10, note)
        work, note = "the same", ""
