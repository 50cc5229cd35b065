"""Fusion: suppression, voting, mean maps and overlap removal, against packages and plain numpy."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import ensemble_boxes
import fusion_peers as theirs
import numpy as np
import peers
from fusion_scenes import Workload, crops, crowded_workload, real_workload
from measure import Row, best_of, check, cpu_times, faster, within
from scenes import Scene

import nucfuse as nf
from nucfuse.ensemble.boxes.boxes import fuse_boxes, nms_boxes
from nucfuse.ensemble.kernels.maps import largest_bits
from nucfuse.ensemble.maps.fuse_maps import fuse_maps
from nucfuse.ensemble.nuclei.methods import fuse_instances

# No IoU of these masks and boxes hits it: lsnms and sahi suppress at the threshold already, the
# others and nucfuse above it.
IOU = 0.5001
SIDE, CROWD = 2048, 2000


def rows(scene: Scene) -> Iterator[Row]:
    """All rows, of real images and of one with many nuclei."""
    for row in rows_of_all(scene):
        yield replace(row, topic="fusion")


def rows_of_all(scene: Scene) -> Iterator[Row]:
    """The same, of no topic."""
    real, crowded = real_workload(scene), crowded_workload(SIDE, CROWD)
    yield from rows_of_mask_nms(real, 20, 40)
    yield from rows_of_supervision(real)
    yield from rows_of_mask_nms(crowded, 50, 400)
    for work in (real, crowded):
        yield from rows_of_box_nms(work)
    for work in (real, crowded):
        yield from rows_of_wbf(work)
    yield from rows_of_weighted(crowded)
    yield from rows_of_maps()
    yield from rows_of_overlaps(real)


def each(job: Callable[..., Any], *inputs: Iterable[Any]) -> Callable[[], list[Any]]:
    """A job that does one thing with every image."""
    return lambda: [job(*of_image) for of_image in zip(*inputs, strict=True)]


def size(work: Workload) -> str:
    """How much there is to do."""
    return f"{work.name}, {work.n_masks:,} masks" if len(work.sets) > 1 else work.name


def read(pool: nf.Instances, texts: list[str]) -> nf.Instances:
    """Nuclei from their COCO strings."""
    return nf.Instances.from_rle(texts, pool.shape, dialect="coco", scores=pool.scores)


def kept_scores(kept: Iterable[nf.Instances]) -> list[list[float]]:
    """Scores name the nuclei, as no two are equal."""
    return [one.scores.tolist() for one in kept]


def rows_of_mask_nms(work: Workload, with_reading: float, without: float) -> Iterator[Row]:
    """Against pycocotools, nucfuse beginning with the strings or with its `Instances`.

    The peer says which masks stay. nucfuse does the same, and in the last row gathers them too.
    """
    rles = [peers.as_rles(t, p.shape) for t, p in zip(work.texts, work.pools, strict=True)]
    scores = [pool.scores for pool in work.pools]
    peer_job = each(lambda r, s: theirs.pycocotools_nms(r, s, IOU), rles, scores)
    from_texts = each(lambda p, t: nf.nms_indices(read(p, t), IOU), work.pools, work.texts)
    from_masks = each(lambda p: nf.nms_indices(p, IOU), work.pools)
    gathered = each(lambda p: nf.nms(p, IOU), work.pools)
    wanted = [kept.tolist() for kept in peer_job()]
    for job, what in ((from_texts, "from strings"), (from_masks, "of Instances")):
        found = [kept.tolist() for kept in job()]
        check(found == wanted, f"mask NMS of {work.name}, indices {what}")
    names = [s[k].tolist() for s, k in zip(scores, wanted, strict=True)]
    check(kept_scores(gathered()) == names, f"mask NMS of {work.name}")
    note = f"{sum(map(len, wanted)):,} kept"
    peer = f"pycocotools {peers.version('pycocotools')}, IoU + greedy"
    peer_times = cpu_times(peer_job, 3)
    name = f"mask NMS, {size(work)}, from COCO strings to indices of those kept"
    yield best_of(name, peer, peer_times, cpu_times(from_texts, 7), with_reading, "faster", note)
    name = "the same, Instances already read"
    yield best_of(name, peer, peer_times, cpu_times(from_masks, 7), without, "faster")
    name = "the same, nucfuse gathering the masks kept as well"
    yield best_of(name, peer, peer_times, cpu_times(gathered, 7), without, "faster")


def rows_of_supervision(work: Workload) -> Iterator[Row]:
    """Both from COCO strings, and both from what they make of them."""
    rles = [peers.as_rles(t, p.shape) for t, p in zip(work.texts, work.pools, strict=True)]
    from_texts = each(
        lambda p, r: theirs.supervision_nms(theirs.compact_masks(p, r), IOU), work.pools, rles
    )
    given = each(theirs.compact_masks, work.pools, rles)()
    ready = each(lambda g: theirs.supervision_nms(g, IOU), given)
    ours = each(lambda p, t: nf.nms(read(p, t), IOU), work.pools, work.texts)
    ours_ready = each(lambda p: nf.nms(p, IOU), work.pools)
    wanted = [p.scores[k].tolist() for p, k in zip(work.pools, ready(), strict=True)]
    check(kept_scores(ours()) == wanted, "mask NMS of supervision")
    peer = f"supervision {peers.version('supervision')}, CompactMask"
    yield faster(f"mask NMS, {size(work)}, both from COCO strings", peer, from_texts, ours, 100)
    yield faster("the same, both with masks already read", peer, ready, ours_ready, 100)


def rows_of_box_nms(work: Workload) -> Iterator[Row]:
    """Four packages: boxes and scores in, places (or boxes) out.

    Of many images, nucfuse once with a call for each, as all others, and once with one for all.
    """
    boxes = [theirs.corners(pool) for pool in work.pools]
    scores = [pool.scores.astype(np.float64) for pool in work.pools]
    tables = [np.column_stack([b, s]) for b, s in zip(boxes, scores, strict=True)]
    labelled = [np.column_stack([table, np.zeros(len(table))]) for table in tables]
    parts = [theirs.normalised(of_image) for of_image in work.sets]
    jobs = {
        "lsnms": (each(lambda b, s: theirs.by_lsnms(b, s, IOU), boxes, scores), 3),
        "sahi": (each(lambda t: theirs.by_sahi(t, IOU), labelled), 3),
        "supervision": (each(lambda t: theirs.by_supervision(t, IOU), tables), 3),
        "ensemble-boxes": (each(lambda p: theirs.by_ensemble_boxes(p, IOU), parts), 50),
    }
    ours = each(lambda b, s: nms_boxes(b, s, iou=IOU), boxes, scores)
    kept = [sorted(s[k].tolist()) for s, k in zip(scores, ours(), strict=True)]
    times = cpu_times(ours, 7)
    name = f"box NMS, {size(work)}"
    for package, (job, wanted) in jobs.items():
        found = zip(scores, job(), strict=True)
        values = [sorted(k.tolist() if k.dtype == float else s[k].tolist()) for s, k in found]
        check(values == kept, f"box NMS of {package}, {work.name}")
        peer = f"{package} {peers.version(package)}"
        peer_times = cpu_times(job, 7)
        yield best_of(name, peer, peer_times, times, wanted, "faster")
        name = "the same"
    if len(boxes) > 1:
        at_once = all_at_once(boxes, scores)
        values = np.concatenate(scores)[at_once()]
        same = sorted(values.tolist()) == sorted(score for one in kept for score in one)
        check(same, "box NMS of all images at once")
        name = "the same, nucfuse with one call for all images"
        yield best_of(name, peer, peer_times, cpu_times(at_once, 7), wanted, "faster")


def all_at_once(boxes: list[Any], scores: list[Any]) -> Callable[[], Any]:
    """Suppression of the boxes of all images in one call, from arrays that hold all of them."""
    images = np.repeat(np.arange(len(scores)), [len(one) for one in scores])
    every_box, every_score = np.concatenate(boxes), np.concatenate(scores)
    return lambda: nms_boxes(every_box, every_score, iou=IOU, images=images)


def rows_of_wbf(work: Workload) -> Iterator[Row]:
    """Weighted boxes fusion; the peer computes mean boxes in float32."""
    parts = [theirs.normalised(of_image) for of_image in work.sets]
    peer_job = each(lambda p: ensemble_boxes.weighted_boxes_fusion(*p, iou_thr=0.55), parts)
    ours = each(lambda p: fuse_boxes(*p, iou=0.55), parts)
    for one, other in zip(ours(), peer_job(), strict=True):
        check(len(one.boxes) == len(other[0]), f"number of fused boxes, {work.name}")
        check(np.allclose(one.scores, other[1], rtol=1e-6), f"scores of WBF, {work.name}")
        order = np.lexsort(np.round(one.boxes, 4).T), np.lexsort(np.round(other[0], 4).T)
        same = np.allclose(one.boxes[order[0]], other[0][order[1]], rtol=0, atol=1e-6)
        check(same, f"boxes of WBF, {work.name}")
    peer = f"ensemble-boxes {peers.version('ensemble-boxes')}"
    yield faster(f"box WBF, {size(work)}", peer, peer_job, ours, 50)


def rows_of_weighted(work: Workload) -> Iterator[Row]:
    """The same vote in numpy, all pairs whose boxes meet compared or only those that may match."""
    (sets,) = work.sets
    masks, scores = [crops(one) for one in sets], [one.scores for one in sets]

    def ours() -> nf.Instances:
        return fuse_instances(sets, "weighted", iou=0.5, absent=1, disjoint=False).instances

    def peer_job(bound: bool) -> tuple[list[theirs.Crop], list[float]]:
        return theirs.weighted_crops(masks, scores, 0.5, 0.5, bound)

    fused = ours()
    mine = sorted(zip(fused.to_rle(), fused.scores.tolist(), strict=True))
    name, note = f"weighted mask fusion, {size(work)}", f"{len(fused):,} results"
    for bound in (False, True):
        found, found_scores = peer_job(bound)
        places = [crop[:2] for crop in found]
        other = nf.Instances.from_crops([c[2] for c in found], places, fused.shape)
        expected = sorted(zip(other.to_rle(), found_scores, strict=True))
        check([a for a, _ in mine] == [b for b, _ in expected], "masks of weighted fusion")
        close = np.allclose([b for _, b in mine], [b for _, b in expected], rtol=1e-6)
        check(close, "scores of weighted fusion")
        peer = "numpy crops" + (", pairs that cannot match left out by box and area" * bound)
        yield faster(name, peer, lambda b=bound: peer_job(b), ours, 50, note)
        name, note = "the same", ""


def rows_of_maps() -> Iterator[Row]:
    """Mean and median of four maps, numpy's with the maps as it likes them best."""
    rng = np.random.default_rng(11)
    maps = [rng.random((SIDE, SIDE), np.float32) for _ in range(4)]
    first, last = np.stack(maps), np.stack(maps, axis=-1)
    jobs = {
        "mean": (lambda: nf.mean_maps(maps), 2),
        "median": (lambda: fuse_maps(maps, "median"), 40),
    }
    peer_jobs = {
        "mean": {
            "numpy mean, axis 0": lambda: first.mean(axis=0),
            "numpy, sum of four arrays": lambda: sum(maps[1:], start=maps[0]) / np.float32(4),
            "numpy, added up in place": lambda: added_up(maps),
        },
        "median": {
            "numpy median, axis 0": lambda: np.median(first, axis=0),
            "numpy median, last axis": lambda: np.median(last, axis=-1),
        },
    }
    for what, (ours, wanted) in jobs.items():
        times = cpu_times(ours, 7)
        name = f"{what} of four {SIDE} x {SIDE} maps"
        for peer, job in peer_jobs[what].items():
            check(np.allclose(job(), ours(), rtol=0, atol=1e-6), f"{what} of maps, {peer}")
            yield best_of(name, peer, cpu_times(job, 7), times, wanted, "faster")
            name = "the same"
    flat = [one.ravel() for one in maps]
    peer = "reading the four maps once"
    yield within("mean of the four maps", peer, lambda: read_only(flat), jobs["mean"][0], 1.5)


def read_only(maps: list[Any]) -> int:
    """The least that any mean has to do: every value is looked at, nothing is written."""
    return max(largest_bits(one) for one in maps)


def added_up(maps: list[Any]) -> Any:
    """Mean of arrays with one new array only."""
    total = maps[0] + maps[1]
    for one in maps[2:]:
        total += one
    total *= np.float32(1 / len(maps))
    return total


def rows_of_overlaps(work: Workload) -> Iterator[Row]:
    """Overlaps of all models removed by score."""
    masks, shapes = [crops(pool) for pool in work.pools], [pool.shape for pool in work.pools]
    scores = [pool.scores for pool in work.pools]
    ours = each(nf.remove_overlaps, work.pools)
    painted = each(theirs.painted, masks, scores, shapes)
    for mine, labels in zip(ours(), painted(), strict=True):
        check(mine == nf.Instances.from_labels(labels).with_scores(mine.scores), "overlaps removed")
    peer_job = each(theirs.painted_crops, masks, scores, shapes)
    sizes = [len(one) for one in peer_job()]
    check(sizes == [len(one) for one in ours()], "number of masks left")
    name = f"overlap removal, {size(work)}, masks to disjoint masks"
    yield faster(name, "numpy, crops painted and cut out again", peer_job, ours, 5)
    labels = each(lambda pool: pool.to_labels("score"), work.pools)
    for mine, others in zip(labels(), painted(), strict=True):
        check(np.array_equal(mine, others), "label image, the most confident on top")
    name = "the same, masks to label image"
    yield faster(name, "numpy, crops painted", painted, labels, 5)
