"""The aggregated Jaccard index, in the two readings that are told apart by name."""

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.measures import measure


def aji(overlaps: Overlaps) -> float:
    """Aggregated Jaccard index as published: a prediction may serve several truths.

    Each truth takes the prediction of the largest IoU (ties to more shared pixels, then to the
    lower label); the pixels they share are added up, and so are their unions, to which the area of
    every prediction that no truth took is added; AJI is the quotient. A truth that shares no pixel
    with any prediction adds its area to the unions.

    1 for an image without nuclei on both sides, 0 for one without on one side.

    References
    ----------
    N. Kumar et al., "A dataset and a technique for generalized nuclear segmentation for
    computational pathology", IEEE Trans. Med. Imaging 36, 2017, doi:10.1109/TMI.2017.2677499.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> merged = overlaps(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))
    >>> aji(merged), aji_plus(merged)
    (0.5, 0.3333333333333333)
    """
    return measure(overlaps).as_dict()["aji"]


def aji_plus(overlaps: Overlaps) -> float:
    """Aggregated Jaccard index with each prediction used once.

    Truths and predictions are paired one to one so that the total IoU is the largest; of several
    such pairings the one that shares most pixels counts. The quotient is that of `aji`, where the
    areas of all unpaired truths and predictions join the unions. The optimum is exact but for
    1e-9 of total IoU, within which pixels decide.

    1 for an image without nuclei on both sides, 0 for one without on one side.

    References
    ----------
    S. Graham et al., "HoVer-Net: simultaneous segmentation and classification of nuclei in
    multi-tissue histology images", Medical Image Analysis 58, 2019,
    doi:10.1016/j.media.2019.101563, and its code, which names it AJI+.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> cut = overlaps(np.array([[1, 1, 1, 1, 0]]), np.array([[1, 1, 1, 2, 2]]))
    >>> aji(cut), aji_plus(cut)
    (0.5, 0.5)
    """
    return measure(overlaps).as_dict()["aji_plus"]
