"""All nuclei of label images to RLE texts and back, against pycocotools.

Results are dropped image by image on both sides: kept, the masks of all nuclei fill 6 GB, and what
is measured is the system handing out memory.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import peers
from measure import Row, best_of, check, cpu_times
from pycocotools import mask as pycoco
from scenes import Scene

import nucfuse as nf

DIALECTS = {"coco": "COCO", "kaggle": "Kaggle"}
Jobs = dict[str, Callable[[], None]]


def rows(scene: Scene) -> Iterator[Row]:
    """Each dialect against the stack pycocotools is made for, and against its fastest use."""
    shapes = [labels.shape for labels in scene.true]
    texts = {d: [nf.encode_labels(x, dialect=d) for x in scene.true] for d in DIALECTS}
    rles = [peers.as_rles(t, shape) for t, shape in zip(texts["coco"], shapes, strict=True)]
    check_texts(scene, texts)

    encoders: Jobs = {
        "pycocotools encode, with building its masks by comparison": lambda: drop(
            pycoco.encode(peers.compared_masks(labels)) for labels in scene.true
        ),
        "the same, masks filled box by box, one at a time": lambda: drop(
            peers.encode_one_by_one(labels) for labels in scene.true
        ),
    }
    decoders: Jobs = {
        "pycocotools decode": lambda: drop(pycoco.decode(of_image) for of_image in rles),
        "the same, one mask at a time": lambda: drop(
            pycoco.decode(rle) for of_image in rles for rle in of_image
        ),
    }
    work = f"RLE encode, {scene.name}, label image to {{}} strings"
    ours: Jobs = {
        work.format(name): lambda d=d: drop(nf.encode_labels(x, dialect=d) for x in scene.true)
        for d, name in DIALECTS.items()
    }
    yield from against(encoders, ours, 40)
    work = f"RLE decode, {scene.name}, {{}} strings to label image"
    ours = {
        work.format(name): lambda d=d: drop(
            nf.decode_labels(of_image, shape, dialect=d)
            for of_image, shape in zip(texts[d], shapes, strict=True)
        )
        for d, name in DIALECTS.items()
    }
    yield from against(decoders, ours, 100)


def drop(results: Iterable[object]) -> None:
    """Compute each and keep none."""
    for _ in results:
        pass


def against(peer_jobs: Jobs, jobs: Jobs, wanted: float) -> Iterator[Row]:
    """Every work with every peer; the slow peers are timed once."""
    peer_runs = {peer: cpu_times(job, 3) for peer, job in peer_jobs.items()}
    for work, job in jobs.items():
        runs = cpu_times(job, 7)
        for peer, times in peer_runs.items():
            yield best_of(work, peer, times, runs, wanted, "faster")
            work = "the same"


def check_texts(scene: Scene, texts: dict[str, list[list[str]]]) -> None:
    """The same strings as pycocotools, and the same labels back from both dialects."""
    for k, labels in enumerate(scene.true):
        theirs = [rle["counts"].decode() for rle in peers.encode_one_by_one(labels)]
        check(texts["coco"][k] == theirs, f"COCO strings of image {k}")
        for dialect, of_images in texts.items():
            back = nf.decode_labels(of_images[k], labels.shape, dialect=dialect)
            check(np.array_equal(back, labels), f"labels of image {k} from {dialect}")
