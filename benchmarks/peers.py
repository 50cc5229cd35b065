"""The peers that are no package, and how the others are fed."""

from importlib import metadata
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pycocotools import mask as pycoco
from scipy import ndimage


def kaggle_2018(true: NDArray[Any], pred: NDArray[Any]) -> tuple[float, list[int]]:
    """Score of one image as computed by the kernel most teams of 2018 copied, and its hits.

    Restated from Stephen Bailey's notebook "Explanation of scoring metric" on Kaggle: a 2-D
    histogram over the two label images, then one pass over its IoU per threshold. Ids must be
    consecutive from 0.
    """
    n_true, n_pred = len(np.unique(true)), len(np.unique(pred))
    inter = np.histogram2d(true.ravel(), pred.ravel(), bins=(n_true, n_pred))[0]
    true_area = np.histogram(true, bins=n_true)[0][:, np.newaxis]
    pred_area = np.histogram(pred, bins=n_pred)[0][np.newaxis]
    union = (true_area + pred_area - inter)[1:, 1:]
    union[union == 0] = 1e-9
    iou = inter[1:, 1:] / union
    scores, hits = [], []
    for threshold in np.arange(0.5, 1.0, 0.05):
        matches = iou > threshold
        tp = np.sum(np.sum(matches, axis=1) == 1)
        fp = np.sum(np.sum(matches, axis=0) == 0)
        fn = np.sum(np.sum(matches, axis=1) == 0)
        scores.append(tp / (tp + fp + fn))
        hits.append(int(tp))
    return float(np.mean(scores)), hits


@njit(nogil=True)
def memory_pass(true, pred):
    """The least work that reads both arrays: one reduction, which compiles to vector code."""
    total = np.int32(0)
    for i in range(true.size):
        total |= true[i] ^ pred[i]
    return total


def compared_masks(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W, N) in Fortran order as pycocotools encodes it, by comparison with each id in turn."""
    masks = np.empty((*labels.shape, int(labels.max())), np.uint8, order="F")
    for k in range(masks.shape[2]):
        np.equal(labels, k + 1, out=masks[:, :, k], casting="unsafe")
    return masks


def encode_one_by_one(labels: NDArray[Any]) -> list[dict[str, Any]]:
    """The fastest use of its encoder we know: one mask, filled in its box and emptied again."""
    mask = np.zeros(labels.shape, np.uint8, order="F")
    encoded = []
    for k, box in enumerate(ndimage.find_objects(labels), start=1):
        mask[box] = labels[box] == k
        encoded.append(pycoco.encode(mask))
        mask[box] = 0
    return encoded


def as_rles(texts: list[str], shape: tuple[int, int]) -> list[dict[str, Any]]:
    """COCO's RLE objects of some compressed strings."""
    return [{"size": list(shape), "counts": text.encode()} for text in texts]


def version(package: str) -> str:
    """Its installed version."""
    return metadata.version(package)
