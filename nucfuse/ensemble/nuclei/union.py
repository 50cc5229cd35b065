"""Union and relabel: the naive way to fuse, as the study did it; the baseline to beat."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.kernels.pieces import connected_pieces
from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.clusters import Clusters
from nucfuse.ensemble.nuclei.drafts import merged_sources, priority_of
from nucfuse.ensemble.nuclei.provenance import Draft, Fate
from nucfuse.masks.instances import Instances
from nucfuse.masks.kernels import runs as _run_kernels
from nucfuse.masks.overlap import overlaps
from nucfuse.masks.rle import join_runs


def union_relabel(pool: Pool) -> Draft:
    """8-connected pieces of all pixels that any model calls nucleus, class by class.

    Nuclei that touch become one, within one set as well, so this alone of all methods does not
    leave a single set as it is. The score of a piece is the largest score x weight in it.
    """
    pieces, classes = _pieces(pool)
    pairs = overlaps(pieces, pool.masks)
    same = classes[pairs.true_index] == pool.classes[pairs.pred_index]
    piece, nucleus, pixels = pairs.true_index[same], pairs.pred_index[same], pairs.pixels[same]
    order = np.lexsort((pool.ranks[nucleus], piece))
    piece, nucleus, pixels = piece[order], nucleus[order], pixels[order]
    offsets = np.searchsorted(piece, np.arange(len(pieces) + 1)).astype(np.int64)
    parts = Clusters(nucleus, offsets)  # a nucleus in several pieces is in several
    strongest = pool.strengths[parts.leaders]
    pieces = pieces.with_scores(strongest)
    fate, by = _fates(pool, piece, nucleus, pixels, parts.votes)
    seen = np.unique(piece * np.int64(pool.weights.size) + pool.models[nucleus])
    votes = np.bincount(seen // pool.weights.size, minlength=len(pieces)).astype(np.int32)
    return Draft(
        merged_sources(pieces, pool, parts), priority_of(strongest, pool.ranks[parts.leaders]),
        votes, nucleus, offsets, fate, by,
    )  # fmt: skip


def _pieces(pool: Pool) -> tuple[Instances, NDArray[np.int32]]:
    """Pieces of the foreground of each class, and their classes."""
    masks = pool.masks
    classes, class_of = np.unique(pool.classes, return_inverse=True)
    run_class = np.repeat(class_of, np.diff(masks.offsets))
    parts = []
    for c in range(classes.size):
        starts, lengths = masks.starts[run_class == c], masks.lengths[run_class == c]
        order = np.argsort(starts, kind="stable")
        parts.append(_run_kernels.union_runs(starts, lengths, order))
    foreground = join_runs(parts)
    height, width = masks.shape
    *segments, class_of_piece = connected_pieces(*foreground, height)
    runs = _run_kernels.sorted_runs(*segments, width, height, class_of_piece.size)
    piece_classes = classes[class_of_piece].astype(np.int32)
    known = None if masks.classes is None else piece_classes
    return Instances.from_runs(masks.shape, *runs, classes=known), piece_classes


def _fates(
    pool: Pool, piece: NDArray[np.int32], nucleus: NDArray[np.int32], pixels: NDArray[np.int64],
    parts: NDArray[np.int64],
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:  # fmt: skip
    """A nucleus went into the piece that has most of its pixels, the first of equal ones."""
    by = np.full(len(pool.masks), -1, np.int32)
    order = np.lexsort((piece, -pixels, nucleus))
    first = order[np.unique(nucleus[order], return_index=True)[1]]
    by[nucleus[first]] = piece[first]
    fate = np.where(parts[by] > 1, Fate.FUSED, Fate.KEPT).astype(np.int8)
    return fate, by
