"""Numbers of a data set that are quotients of sums over its images: means and pooled shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.metrics.anatomy import MENDABLE
from nucfuse.metrics.boundary import BOUNDARY_COLUMNS
from nucfuse.metrics.kernels import measures as kernels

# Means over images, in the order of the summary.
MEANS = (*kernels.SCORE_COLUMNS, *BOUNDARY_COLUMNS)
GAINS = tuple(f"gain_{what}" for what in MENDABLE)
# Of two sets the one with less of these is the better one.
FEWER_IS_BETTER = (*kernels.ERROR_COLUMNS, "count_error_abs")


@dataclass(frozen=True, slots=True)
class Headlines:
    """Data-set numbers, each a quotient of sums over the images.

    Attributes
    ----------
    names : tuple of str, length K
        Scores and error counts are means over images; ``precision_50`` and the like come from the
        hits of all images together; ``count_error`` is the mean of predicted less true nuclei,
        ``count_error_abs`` of its size; ``gain_missed`` is how much higher ``dsb_ap`` would be
        with that kind of error mended, see `errors`.
    above, below : ndarray of float64, shape (I, K)
        What each image adds to the numerator and the denominator.
    nuclei : ndarray of float64, shape (I,)
        Nuclei of both sides. Where a denominator is 0 the number is 1 without any, else 0.
    """

    names: tuple[str, ...]
    above: NDArray[np.float64]
    below: NDArray[np.float64]
    nuclei: NDArray[np.float64]

    def of(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers of data sets that hold each image so many times, (B, I) -> (B, K)."""
        above, below = weights @ self.above, weights @ self.below
        undefined = (weights @ self.nuclei == 0).astype(np.float64)[:, np.newaxis]
        undefined = np.broadcast_to(undefined, above.shape).copy()
        return np.divide(above, below, out=undefined, where=below != 0)

    def values(self) -> dict[str, float]:
        """The numbers of the images as they are, by name."""
        plain = self.of(np.ones((1, self.nuclei.size)))[0]
        return dict(zip(self.names, plain.tolist(), strict=True))


def headlines_of(columns: Mapping[str, NDArray[Any]], percents: Sequence[int]) -> Headlines:
    """All headline numbers from the columns of the table of images."""
    n_true, n_pred = columns["n_true"], columns["n_pred"]
    one = np.ones(n_true.size)
    quotients = {name: (columns[name], one) for name in MEANS if name in columns}
    quotients |= {f"ap_{p}": (columns[f"ap_{p}"], one) for p in percents}
    quotients |= {f"precision_{p}": (columns[f"tp_{p}"], n_pred) for p in percents}
    quotients |= {f"recall_{p}": (columns[f"tp_{p}"], n_true) for p in percents}
    quotients |= {f"f1_{p}": (2 * columns[f"tp_{p}"], n_true + n_pred) for p in percents}
    quotients |= {name: (columns[name], one) for name in kernels.ERROR_COLUMNS}
    quotients["count_error"] = (columns["count_error"], one)
    quotients["count_error_abs"] = (np.abs(columns["count_error"]), one)
    for what, gain in zip(MENDABLE, GAINS, strict=True):
        quotients[gain] = (columns[f"mended_{what}"] - columns["dsb_ap"], one)
    above, below = zip(*quotients.values(), strict=True)
    return Headlines(
        tuple(quotients),
        np.column_stack(above).astype(np.float64),
        np.column_stack(below).astype(np.float64),
        (n_true + n_pred).astype(np.float64),
    )


def image_values(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Headline numbers that single images have, too, each (I,)."""
    found = {name: columns[name] for name in (*MEANS, *kernels.ERROR_COLUMNS) if name in columns}
    found |= {name: values for name, values in columns.items() if name.startswith("ap_")}
    found["count_error_abs"] = np.abs(columns["count_error"])
    return {name: values.astype(np.float64) for name, values in found.items()}
