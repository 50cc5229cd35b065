"""What `import nucfuse as nf` does with files as well as with arrays: `nf.score`, `nf.compare`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack

from nucfuse.metrics.request import RequestArguments, ScoreRequest
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import Masks, score_images
from nucfuse.metrics.strata import Strata
from nucfuse.pipeline.running import Reading, distinct_names, engine_name
from nucfuse.pipeline.scoring import ScoreOptions, score_sets

if TYPE_CHECKING:
    from nucfuse.data.readers.stack import Stack
    from nucfuse.metrics.comparison import Comparison

Nuclei: TypeAlias = str | os.PathLike[str] | Masks | Sequence[Masks]
Missing = Literal["error", "zero", "skip"]


def score(
    truth: Nuclei,
    pred: Nuclei,
    *,
    ids: Sequence[str] | None = None,
    strata: Strata = None,
    missing: Missing = "error",
    stack: "Stack" = None,
    seed: int = 0,
    **request: Unpack[RequestArguments],
) -> Scores:
    """Score predicted nuclei against the truth.

    Parameters
    ----------
    truth, pred : path, label image, Instances, or sequences of these masks of one length
        A path is that of a data set in any format `nucfuse score` reads. Label images are integer
        arrays (H, W), or (D, H, W) volumes: 0 is background, every other id is a nucleus. An array
        of integers is one image; a list is several.
    ids : sequence of str, optional
        Names of images that are given as arrays; by default "0", "1", ….
    strata : DataFrame or mapping of str to sequence, optional
        Values per image, such as its modality; `Scores` gives the scores of each. In the order of
        the images (files: of their ids); the rows of a table with a column or index ``image_id``
        may come in any order.
    missing : {"error", "zero", "skip"}
        What it means that ``pred``, a path, has no image that ``truth`` has.
    stack : {"frames", "volume"}, optional
        What the first axis of files that are stacks is, where they do not say it: images of their
        own, or the slices of a volume. An array is always one image.
    seed : int
        Of the bootstrap.
    **request
        ``thresholds`` (IoU in whole percents, as 0.5; by default 0.50, 0.55 … 0.95), ``rule`` (">":
        a nucleus on the threshold is no hit, as the 2018 Data Science Bowl has it; or ">="),
        ``metrics`` (of "coco_ap", "boundary", to be measured as well), ``allow_overlap`` (score
        masks that overlap within one side, rather than refuse them).

    Returns
    -------
    Scores
        ``dsb_ap`` and all other numbers as attributes, ``per_image``, ``objects`` and the rest.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, or an image cannot be scored; the message names it.

    References
    ----------
    J. C. Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
    Bowl", Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7.

    Examples
    --------
    >>> score(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])).dsb_ap
    0.5
    """
    wanted = ScoreRequest.of(**request)
    if not _are_paths(truth, pred):
        return score_images(truth, pred, wanted, ids=ids, strata=strata, seed=seed)  # type: ignore[arg-type]
    options = _options_of_files(wanted, ids, missing, stack, seed)
    plain = score_sets(Path(truth), [Path(pred)], options).scores[0]  # type: ignore[arg-type]
    return Scores.build(plain.image_ids, plain.image_scores, wanted, strata=strata, seed=seed)


def compare(
    truth: Nuclei,
    preds: Sequence[Nuclei] | Mapping[str, Nuclei],
    *,
    ids: Sequence[str] | None = None,
    strata: Strata = None,
    missing: Missing = "error",
    stack: "Stack" = None,
    seed: int = 0,
    **request: Unpack[RequestArguments],
) -> "Comparison":
    """Compare sets of predictions on the same images, each with the first.

    Parameters
    ----------
    truth, ids, strata, missing, stack, seed, **request
        See `score`.
    preds : sequence or mapping of two or more predictions
        Each as in `score`; the keys of a mapping are their names.

    Returns
    -------
    Comparison
        Its ``table`` has differences, bootstrap intervals, wins and losses; ``strata_table`` those
        of each stratum.

    Raises
    ------
    ValueError, TypeError
        See `score`; also if there are fewer than two sets.

    Examples
    --------
    >>> true, half = np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])
    >>> float(compare(true, [half, true]).differences[0].table["difference"]["dsb_ap"])
    0.5
    """
    from nucfuse.metrics.comparison import Comparison

    wanted = ScoreRequest.of(**request)
    sets = list(preds.values()) if isinstance(preds, Mapping) else list(preds)
    if len(sets) < 2:
        raise ValueError(f"compare needs at least two sets of predictions, got {len(sets)}")
    if _are_paths(truth, *sets):
        options = _options_of_files(wanted, ids, missing, stack, seed)
        paths = [Path(one) for one in sets]  # type: ignore[arg-type]
        plain = score_sets(Path(truth), paths, options).scores  # type: ignore[arg-type]
        scores = [
            Scores.build(one.image_ids, one.image_scores, wanted, strata=strata, seed=seed)
            for one in plain
        ]
        names = distinct_names(paths)
    else:
        scores = [
            score_images(truth, one, wanted, ids=ids, strata=strata, seed=seed)  # type: ignore[arg-type]
            for one in sets
        ]
        names = [f"set {k + 1}" for k in range(len(sets))]
    chosen = list(preds) if isinstance(preds, Mapping) else names
    return Comparison.of(scores, chosen, seed, tuple(scores[0].strata))


def _are_paths(*given: Any) -> bool:
    """Whether all are paths; a TypeError if only some are."""
    paths = [isinstance(one, str | os.PathLike) for one in given]
    if any(paths) and not all(paths):
        raise TypeError("truth and predictions must be all paths or all masks, got some of either")
    return all(paths)


def _options_of_files(
    request: ScoreRequest,
    ids: Sequence[str] | None,
    missing: Missing,
    stack: "Stack",
    seed: int,
) -> ScoreOptions:
    if ids is not None:
        raise ValueError("ids name images that are given as arrays; those of files have their own")
    reading = Reading(engine=engine_name(None, None), stack=stack)
    return ScoreOptions(request, missing=missing, seed=seed, reading=reading)
