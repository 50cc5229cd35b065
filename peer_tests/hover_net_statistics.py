"""The statistics of HoVer-Net, written down once more from their definition.

S. Graham et al., "HoVer-Net", Medical Image Analysis 58, 2019, doi:10.1016/j.media.2019.101563, and
the text of its ``compute_stats``. Its package needs torch and a network to import, so that the
definitions stand here, as plainly as they can be read; nothing is taken from nucfuse.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment


def statistics(true, pred):
    """``aji``, ``aji_plus``, ``pq``, ``sq``, ``dq``, ``dice_2`` and ``dice_1`` of two label images.

    One side without nuclei leaves most of these undefined there: NaN.
    """
    true_masks, pred_masks = ([labels == i for i in np.unique(labels[labels > 0])]
                              for labels in (true, pred))  # fmt: skip
    if not true_masks or not pred_masks:
        return dict.fromkeys(("aji", "aji_plus", "pq", "sq", "dq", "dice_2", "dice_1"), np.nan)
    shared = np.array([[(t & p).sum() for p in pred_masks] for t in true_masks])
    areas = (
        np.array([t.sum() for t in true_masks])[:, np.newaxis],
        np.array([p.sum() for p in pred_masks]),
    )
    united = areas[0] + areas[1] - shared
    iou = shared / united
    pq, sq, dq = panoptic_quality(iou)
    foreground = 2 * ((true > 0) & (pred > 0)).sum() / ((true > 0).sum() + (pred > 0).sum())
    return {
        "aji": aggregated_jaccard(shared, united, areas, *closest(iou)),
        "aji_plus": aggregated_jaccard(shared, united, areas, *one_to_one(iou)),
        "pq": pq,
        "sq": sq,
        "dq": dq,
        "dice_2": dice_2(shared, areas),
        "dice_1": foreground,
    }


def closest(iou):
    """Each truth that any prediction touches, and the prediction of the largest IoU with it."""
    rows = np.flatnonzero(iou.max(axis=1) > 0)
    return rows, iou[rows].argmax(axis=1)


def one_to_one(iou):
    """Pairs that share a pixel of the matching with the largest total IoU."""
    rows, cols = linear_sum_assignment(-iou)
    touching = iou[rows, cols] > 0
    return rows[touching], cols[touching]


def aggregated_jaccard(shared, united, areas, rows, cols):
    """Pixels shared by the pairs, of those united and of all nuclei in no pair."""
    union = united[rows, cols].sum()
    union += np.delete(areas[0][:, 0], rows).sum() + np.delete(areas[1], np.unique(cols)).sum()
    return shared[rows, cols].sum() / union


def panoptic_quality(iou):
    """Detection and segmentation quality and their product; a pair has an IoU above 0.5.

    HoVer-Net adds 1e-6 to both denominators so that none is 0.
    """
    hits = iou > 0.5
    tp = hits.sum()
    dq = tp / (tp + 0.5 * (iou.shape[1] - tp) + 0.5 * (iou.shape[0] - tp) + 1e-6)
    sq = iou[hits].sum() / (tp + 1e-6)
    return dq * sq, sq, dq


def dice_2(shared, areas):
    """Twice the pixels shared by all touching pairs, of the areas of both nuclei of each."""
    touching = shared > 0
    total = (areas[0] + areas[1])[touching].sum()
    return 2 * shared.sum() / total if total else 0.0
