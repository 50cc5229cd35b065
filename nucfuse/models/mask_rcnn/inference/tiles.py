"""A large image in overlapping tiles: each nucleus from the tile that saw it whole."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import self_overlaps
from nucfuse.models.arrays import Ints, Shape

_SLACK = 0.25  # of half the overlap; so far two tiles may differ about where a centre is
_SAME = 0.5


class Tile(NamedTuple):
    """A part of an image.

    Attributes
    ----------
    box : (int, int, int, int)
        y0, x0, y1, x1, half-open.
    core : (float, float, float, float)
        Where the centres lie of the nuclei that are this tile's; the cores of an image's tiles
        share it out, and those at its edges have no end there.
    """

    box: tuple[int, int, int, int]
    core: tuple[float, float, float, float]


class _TileNuclei(NamedTuple):
    """Nuclei of all tiles, (N,) each."""

    nuclei: Instances
    tile: NDArray[np.int64]
    owned: NDArray[np.bool_]
    cut: NDArray[np.bool_]


def tiles_of(shape: Shape, tile: int, overlap: int) -> list[Tile]:
    """Cut an image into tiles, row by row.

    Parameters
    ----------
    shape : (H, W)
    tile : int
        Side in pixels; those at the lower and right edge may be smaller.
    overlap : int
        Pixels that neighbours share, less than ``tile``.
    """
    rows, columns = (_spans(length, tile, overlap) for length in shape)
    return [
        Tile((y[0], x[0], y[1], x[1]), (y[2], x[2], y[3], x[3])) for y, x in product(rows, columns)
    ]


def nuclei_of_tiles(
    tiles: Sequence[Tile], found: Sequence[Instances], factors: tuple[float, float] = (1.0, 1.0)
) -> Instances:
    """Collect the nuclei of an image from those of its tiles, each once.

    A nucleus is of the tile whose core holds the centre of its box. Where two tiles differ a little
    about that, the same nucleus is known by what they share: more than half of the smaller one, as
    far as both tiles reach. Of two views of it the whole one stays; if the edges of both tiles cut
    it, they are joined.

    Parameters
    ----------
    tiles : sequence of Tile
        Of the image as it was all_.
    found : sequence of Instances
        Nuclei of each tile, as masks of the whole image.
    factors : (float, float)
        Height and width of the image over those of the image that was cut into tiles.

    Returns
    -------
    Instances
        Masks that overlap otherwise stay as they are.
    """
    if len(tiles) == 1:
        return found[0]
    boxes = np.array([tile.box for tile in tiles]) * np.tile(factors, 2)
    all_ = _tile_nuclei(tiles, found, boxes, np.array(factors))
    first, second = _same(all_, boxes)
    alive = _without_duplicates(all_, first, second)
    pairs = alive[first] & alive[second]
    return _joined(all_, first[pairs], second[pairs], alive)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int, float, float]]:
    """Start and end of each tile along an axis, and of its core."""
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(starts[-1] + tile - overlap)
    middles = [-np.inf, *(start + overlap / 2 for start in starts[1:]), np.inf]
    return [
        (start, min(start + tile, length), middles[k], middles[k + 1])
        for k, start in enumerate(starts)
    ]


def _tile_nuclei(
    tiles: Sequence[Tile],
    found: Sequence[Instances],
    boxes: NDArray[np.float64],
    factors: NDArray[np.float64],
) -> _TileNuclei:
    """Those that their tiles may answer for, or that the edge of a tile cuts."""
    cores = np.array([tile.core for tile in tiles]) * np.tile(factors, 2)
    numbers = np.repeat(np.arange(len(tiles)), [len(nuclei) for nuclei in found])
    nuclei = Instances.concatenate(found)
    centres = (nuclei.boxes[:, :2] + nuclei.boxes[:, 2:]) / 2
    core, box = cores[numbers], boxes[numbers]
    # Half the overlap is what lies between the edge of a tile and that of its core.
    depths = np.abs(cores - boxes)
    slack = _SLACK * np.min(depths, where=np.isfinite(depths), initial=np.inf)
    low, high = centres - core[:, :2], core[:, 2:] - centres
    owned = ((low >= 0) & (high > 0)).all(axis=1)
    near = ((low >= -slack) & (high > -slack)).all(axis=1)
    # A mask ends with the tile, or a pixel of the resized image before.
    at_low = (nuclei.boxes[:, :2] <= box[:, :2] + factors) & np.isfinite(core[:, :2])
    at_high = (nuclei.boxes[:, 2:] >= box[:, 2:] - factors) & np.isfinite(core[:, 2:])
    cut = (at_low | at_high).any(axis=1)
    kept = near | cut
    return _TileNuclei(nuclei[kept], numbers[kept], owned[kept], cut[kept])


def _same(all_: _TileNuclei, boxes: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Pairs of views of one nucleus by two tiles."""
    first, second, shared = self_overlaps(all_.nuclei)
    apart = all_.tile[first] != all_.tile[second]
    first, second, shared = first[apart], second[apart], shared[apart]
    areas = np.minimum(all_.nuclei.areas[first], all_.nuclei.areas[second])
    same = shared > _SAME * areas
    for k in np.flatnonzero(~same):
        a, b = boxes[all_.tile[[first[k], second[k]]]]
        zone = np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])])
        parts = [_area_within(all_.nuclei[int(i)], zone) for i in (first[k], second[k])]
        same[k] = shared[k] > _SAME * min(parts)
    return first[same], second[same]


def _area_within(nucleus: Instances, zone: NDArray[np.float64]) -> int:
    """Pixels of one mask whose centres lie in a box."""
    crops, corners = nucleus.to_crops()
    low, high = (np.ceil(zone.reshape(2, 2) - 0.5) - corners[0]).astype(np.int64).clip(0)
    return int(crops[0][low[0] : high[0], low[1] : high[1]].sum())


def _without_duplicates(all_: _TileNuclei, first: Ints, second: Ints) -> NDArray[np.bool_]:
    """Which views stay: those of a nucleus that no other tile shows whole, or shows better."""
    n = len(all_.nuclei)
    rank = np.empty(n, np.int64)
    rank[np.lexsort((-all_.nuclei.scores, ~all_.owned, all_.cut))] = np.arange(n)
    better = np.where(rank[first] < rank[second], first, second)
    worse = first + second - better
    alive = np.ones(n, bool)
    for k in np.argsort(rank[better], kind="stable"):
        if alive[better[k]] and not all_.cut[better[k]]:
            alive[worse[k]] = False
    return alive


def _joined(all_: _TileNuclei, first: Ints, second: Ints, alive: NDArray[np.bool_]) -> Instances:
    """Join the views that stay, those of one nucleus in one mask of their highest score.

    Of a nucleus that edges cut one view at least is owned; other cut ones are slivers of nuclei
    that another tile has, a little elsewhere.
    """
    n = len(all_.nuclei)
    links = coo_array((np.ones(first.size), (first, second)), (n, n))
    n_groups, group = connected_components(links, directed=False)
    counted = alive & (all_.owned | ~all_.cut)
    stays, size = np.bincount(group[counted], minlength=n_groups), np.bincount(group, alive)
    single = all_.nuclei[counted & (size[group] == 1)]
    joined = np.flatnonzero((stays > 0) & (size > 1))
    return Instances.concatenate([single, *(_union(all_.nuclei[group == g]) for g in joined)])


def _union(members: Instances) -> Instances:
    starts, lengths = members.union()
    best = members[int(np.argmax(members.scores))]
    classes = best.classes
    return Instances.from_runs(
        members.shape,
        starts,
        lengths,
        [0, starts.size],
        scores=best.scores,
        classes=classes,
        source=best.source_names[best.sources[0]],
    )
