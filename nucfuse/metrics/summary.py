"""Numbers of a data set that are quotients of sums over its images: means and pooled shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.metrics.anatomy import CORRECTABLE
from nucfuse.metrics.names import ERRORS, MEANS
from nucfuse.metrics.quotient import quotient


@dataclass(frozen=True, slots=True)
class Quotients:
    """Numbers of a data set, each a quotient of sums over the images.

    Attributes
    ----------
    names : tuple of str, length K
        Scores and error counts are means over images; ``precision_50`` and the like come from the
        hits of all images together; ``count_error`` is the mean of predicted less true nuclei,
        ``count_error_abs`` of its size; ``gain_missed`` is how much higher ``dsb_ap`` would be
        with that kind of error corrected, see `anatomy`.
    numerators, denominators : ndarray of float64, shape (I, K)
        What each image adds to either.
    n_nuclei : ndarray of float64, shape (I,)
        Nuclei of both sides; 0 only where an empty image is no error.
    """

    names: tuple[str, ...]
    numerators: NDArray[np.float64]
    denominators: NDArray[np.float64]
    n_nuclei: NDArray[np.float64]

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], percents: Sequence[int]) -> "Quotients":
        """From the columns of the table of images."""
        n_true, n_pred = columns["n_true"], columns["n_pred"]
        one = np.ones(n_true.size)
        quotients = {name: (columns[name], one) for name in MEANS if name in columns}
        quotients |= {f"ap_{p}": (columns[f"ap_{p}"], one) for p in percents}
        quotients |= {f"precision_{p}": (columns[f"tp_{p}"], n_pred) for p in percents}
        quotients |= {f"recall_{p}": (columns[f"tp_{p}"], n_true) for p in percents}
        quotients |= {f"f1_{p}": (2 * columns[f"tp_{p}"], n_true + n_pred) for p in percents}
        quotients |= {name: (columns[name], one) for name in ERRORS}
        quotients["count_error"] = (columns["count_error"], one)
        quotients["count_error_abs"] = (np.abs(columns["count_error"]), one)
        for what in CORRECTABLE:
            quotients[f"gain_{what}"] = (columns[f"mended_{what}"] - columns["dsb_ap"], one)
        numerators, denominators = (
            np.column_stack(side).astype(np.float64)
            for side in zip(*quotients.values(), strict=True)
        )
        # A missing image counts as one with something to find, and that makes 0 of 0 / 0.
        n_nuclei = np.where(columns["both_empty"], 0.0, np.maximum(n_true + n_pred, 1))
        return cls(tuple(quotients), numerators, denominators, n_nuclei)

    def resampled(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers of data sets that hold each image so many times, (B, I) -> (B, K)."""
        n_nuclei = (weights @ self.n_nuclei)[:, np.newaxis]
        return quotient(weights @ self.numerators, weights @ self.denominators, n_nuclei)

    def as_dict(self) -> dict[str, float]:
        """Compute the numbers of the images as they are, by name."""
        plain = self.resampled(np.ones((1, self.n_nuclei.size)))[0]
        return dict(zip(self.names, plain.tolist(), strict=True))


def image_values(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Numbers of a data set that single images have, too, each (I,)."""
    found = {name: columns[name] for name in (*MEANS, *ERRORS) if name in columns}
    found |= {name: values for name, values in columns.items() if name.startswith("ap_")}
    found["count_error_abs"] = np.abs(columns["count_error"])
    return {name: values.astype(np.float64) for name, values in found.items()}


def plain(value: Any) -> Any:
    """Say it with what JSON knows: lists, plain numbers, None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value
