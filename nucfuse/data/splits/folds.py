"""Which images a network learns from and which it is scored on: two protocols."""

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from nucfuse.data.splits.near_duplicates import ImageRecord, check_ids, near_duplicate_groups

OTHER = "other"  # the fold of all sources too small for one of their own


def grouped_folds(
    records: Sequence[ImageRecord],
    n_folds: int = 5,
    seed: int = 0,
    pinned: Collection[str] = (),
    groups: Sequence[Sequence[str]] | None = None,
) -> dict[str, int]:
    """Folds of one size and mixture of modalities; near-duplicates never straddle two.

    Parameters
    ----------
    records : sequence of ImageRecord
    n_folds : int
        At least 2.
    seed : int
        Of the order in which groups of one size are dealt out. One seed gives the same folds
        whatever the order of ``records``.
    pinned : collection of str
        Images that go to fold 1, each with its whole group.
    groups : sequence of sequence of str, optional
        Images that stay together; `near_duplicate_groups` of the records if not given.

    Returns
    -------
    dict of str to int
        The fold, 1..n_folds, of each image, in the order of ``records``: images of fold k are held
        out of network k.

    Raises
    ------
    ValueError
        If an image id comes twice, ``pinned`` or ``groups`` name other images than ``records`` or
        leave some out, or there are fewer groups than folds.

    Notes
    -----
    Groups are dealt out from the largest, each to the fold that has fewest images of its modality
    (that of most of its images), then fewest images. Folds differ by no more images of a modality
    than its largest group has, unless more than a fold's share of them are pinned.
    """
    check_ids(records)
    if n_folds < 2:
        raise ValueError(f"n_folds must be at least 2, got {n_folds}")
    modalities = {record.image_id: record.modality for record in records}
    together = near_duplicate_groups(records) if groups is None else groups
    _check_groups(together, modalities)
    unknown = sorted(set(pinned) - set(modalities))
    if unknown:
        raise ValueError(f"pinned must be ids of records, got {unknown[0]!r}, which is none")
    if len(together) < n_folds:
        raise ValueError(
            f"n_folds must be at most the number of groups of near-duplicates, {len(together)}, "
            f"got {n_folds}"
        )
    folds = _dealt([sorted(g) for g in together], modalities, n_folds, seed, set(pinned))
    return {image_id: folds[image_id] for image_id in modalities}


def leave_source_out(records: Sequence[ImageRecord], min_share: float = 0.05) -> dict[str, str]:
    """Folds that are sources: images of one size and modality come from one microscope or archive.

    Parameters
    ----------
    records : sequence of ImageRecord
    min_share : float
        Sources with less than this share of the images are one fold, "other".

    Returns
    -------
    dict of str to str
        The fold of each image, in the order of ``records``, such as "256x320 histology" (height x
        width): images of a fold are held out of the network of that name.

    Raises
    ------
    ValueError
        If an image id comes twice, ``min_share`` is not in [0, 1], or all images are in one fold,
        so that none is left to learn from.
    """
    check_ids(records)
    if not 0 <= min_share <= 1:
        raise ValueError(f"min_share must be in [0, 1], got {min_share}")
    counts = Counter(source(record) for record in records)
    least = min_share * len(records)
    folds = {
        record.image_id: name if counts[name := source(record)] >= least else OTHER
        for record in records
    }
    if len(set(folds.values())) < 2:
        raise ValueError(
            f"records must come from at least two sources, got {', '.join(counts) or 'no images'}; "
            "use grouped folds"
        )
    return folds


def source(record: ImageRecord) -> str:
    """Image size and modality, as a name.

    Examples
    --------
    >>> source(ImageRecord("a", (256, 320), "histology", b"", np.zeros((4, 128), np.uint8)))
    '256x320 histology'
    """
    return f"{record.shape[0]}x{record.shape[1]} {record.modality}"


def _check_groups(groups: Sequence[Sequence[str]], known: Collection[str]) -> None:
    counts = Counter(image_id for group in groups for image_id in group)
    for image_id in [*counts, *known]:
        if image_id not in known or counts[image_id] != 1:
            raise ValueError(
                f"groups must have every image of records once and no other; {image_id!r} "
                f"is {'' if image_id in known else 'not '}in records and {counts[image_id]} "
                "times in groups"
            )


def _dealt(
    groups: list[list[str]],
    modalities: dict[str, str],
    n_folds: int,
    seed: int,
    pinned: set[str],
) -> dict[str, int]:
    """Fold of each image; see `grouped_folds`."""
    order = sorted(groups)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda group: (not pinned.isdisjoint(group), len(group)), reverse=True)
    per_modality = [Counter[str]() for _ in range(n_folds)]
    folds: dict[str, int] = {}
    for group in order:
        of_group = Counter(modalities[image_id] for image_id in group)
        main = min(of_group, key=lambda kind: (-of_group[kind], kind))
        fold = 0
        if pinned.isdisjoint(group):
            fold = min(
                range(n_folds), key=lambda k: (per_modality[k][main], per_modality[k].total())
            )
        per_modality[fold].update(of_group)
        folds.update(dict.fromkeys(group, fold + 1))
    return folds
