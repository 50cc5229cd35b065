"""Union and relabel: the naive way to fuse, as the study did it; the baseline to beat."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.kernels.pieces import connected_pieces
from nucfuse.ensemble.nuclei.candidates import Candidates
from nucfuse.ensemble.nuclei.clusters import Clusters
from nucfuse.ensemble.nuclei.parameters import NucleusSettings
from nucfuse.ensemble.nuclei.provenance import MethodResult, Outcome
from nucfuse.ensemble.nuclei.results import priority_of, with_merged_sources
from nucfuse.masks.instances import Instances
from nucfuse.masks.kernels import runs as _run_kernels
from nucfuse.masks.overlap import overlaps
from nucfuse.masks.rle import join_runs


def union_relabel(candidates: Candidates, settings: NucleusSettings) -> MethodResult:
    """8-connected pieces of all pixels that any model calls nucleus, class by class.

    Nuclei that touch become one, within one set as well, so this alone of all methods does not
    leave a single set as it is. The score of a piece is the largest score x weight in it.
    """
    pieces, classes = _pieces(candidates)
    pairs = overlaps(pieces, candidates.masks)
    same = classes[pairs.true_index] == candidates.classes[pairs.pred_index]
    piece, nucleus, pixels = pairs.true_index[same], pairs.pred_index[same], pairs.pixels[same]
    order = np.lexsort((candidates.ranks[nucleus], piece))
    piece, nucleus, pixels = piece[order], nucleus[order], pixels[order]
    offsets = np.searchsorted(piece, np.arange(len(pieces) + 1))
    made_from = Clusters(nucleus, offsets)  # a nucleus in several pieces is in several
    strongest = candidates.strengths[made_from.leaders]
    n_models = candidates.weights.size
    agreeing = np.unique(piece * np.int64(n_models) + candidates.models[nucleus]) // n_models
    by = _largest_shares(len(candidates.masks), piece, nucleus, pixels)
    return MethodResult(
        with_merged_sources(pieces.with_scores(strongest), candidates, made_from),
        priority_of(strongest, candidates.ranks[made_from.leaders]),
        np.bincount(agreeing, minlength=len(pieces)).astype(np.int32),
        made_from,
        np.where(made_from.votes[by] > 1, Outcome.FUSED, Outcome.KEPT).astype(np.int8),
        by,
    )


def _pieces(candidates: Candidates) -> tuple[Instances, NDArray[np.int32]]:
    """Pieces of the foreground of each class, and their classes."""
    masks = candidates.masks
    classes, class_of = np.unique(candidates.classes, return_inverse=True)
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


def _largest_shares(
    n: int, piece: NDArray[np.int32], nucleus: NDArray[np.int32], pixels: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Find the piece that has most pixels of each of n nuclei, the first of equal ones."""
    by = np.full(n, -1, np.int32)
    order = np.lexsort((piece, -pixels, nucleus))
    first = order[np.unique(nucleus[order], return_index=True)[1]]
    by[nucleus[first]] = piece[first]
    return by
