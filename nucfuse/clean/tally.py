"""Cleaning that counts what it does: which nuclei were cut, which dropped, and why."""

from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from nucfuse.clean.objects import Cleaning, clean_instances, median_area
from nucfuse.clean.overlaps import By, remove_overlaps
from nucfuse.masks.instances import Instances
from nucfuse.settings import read


class Tally(NamedTuple):
    """What became of the nuclei that came in.

    Attributes
    ----------
    n_before, n_after : int
        Nuclei before and after.
    pixels : int
        Pixels that lay in several masks, once for each mask that lost them.
    cut : int
        Nuclei that stay, but lost pixels to another.
    covered : int
        Nuclei without a pixel, or whose pixels all went to others.
    specks, giants : int
        Nuclei that were too small or too large; see `Cleaning`.
    filled : int
        Nuclei that stay, with holes filled.
    """

    n_before: int = 0
    n_after: int = 0
    pixels: int = 0
    cut: int = 0
    covered: int = 0
    specks: int = 0
    giants: int = 0
    filled: int = 0

    def plus(self, other: Self) -> "Tally":
        """Add up."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


def clean_and_count(instances: Instances, by: By, **settings: Any) -> tuple[Instances, Tally]:
    """Give every pixel to one nucleus, clean as `clean_instances` does, and count what was done.

    Parameters
    ----------
    instances : Instances
        That may overlap.
    by : {"score", "area", "nearest"}
        See `remove_overlaps`.
    **settings
        Those of `Cleaning`.

    Returns
    -------
    cleaned : Instances
        Disjoint; scores, sources and classes are kept.
    tally : Tally

    Raises
    ------
    ValueError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 1, 1, 0, 0]], [[0, 0, 1, 1, 0]], [[0, 0, 0, 0, 1]]])
    >>> cleaned, tally = clean_and_count(x, "area", speck=2, small=0)
    >>> cleaned.areas, tally.cut, tally.specks
    (array([3]), 0, 2)
    """
    rules = read(Cleaning, settings, "cleaning")
    # Masks go by their numbers in the place of classes, so that it is known which are left.
    numbered = replace(instances, classes=np.arange(len(instances), dtype=np.int32))
    disjoint = remove_overlaps(numbered, by)
    cleaned = clean_instances(disjoint, **settings)
    whole, parts = instances.areas, np.zeros(len(instances), np.int64)
    parts[disjoint.classes] = disjoint.areas
    kept, lost = cleaned.classes, np.setdiff1d(disjoint.classes, cleaned.classes)  # type: ignore[arg-type]
    is_giant = parts[lost] > median_area(disjoint.areas, rules.speck)
    tally = Tally(
        n_before=len(instances),
        n_after=len(cleaned),
        pixels=int(whole.sum() - parts.sum()),
        cut=int((parts[kept] < whole[kept]).sum()),
        covered=len(instances) - len(disjoint),
        specks=int((~is_giant).sum()),
        giants=int(is_giant.sum()),
        filled=int((cleaned.areas > parts[kept]).sum()),
    )
    classes = None if instances.classes is None else instances.classes[kept]
    return replace(cleaned, classes=classes), tally
