"""STAPLE: how good each model is, and which nuclei are real, estimated together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.nuclei.candidates import Candidates, confidence
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.parameters import Staple
from nucfuse.ensemble.nuclei.provenance import MethodResult
from nucfuse.ensemble.nuclei.results import result_of_clusters
from nucfuse.ensemble.nuclei.weighted import voted

# Both rates start here and this many nuclei hold them there, so that none runs to 0 or 1.
_START = 0.9
_HELD_BY = 2.0
_ROUNDS = 200
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """What expectation and maximisation found.

    Attributes
    ----------
    sensitivity : ndarray of float64, shape (M,)
        Share of the real nuclei that each model found.
    specificity : ndarray of float64, shape (M,)
        Share of the spurious candidates that each model left out.
    precision : ndarray of float64, shape (M,)
        Share of real ones among the nuclei of each model.
    posterior : ndarray of float64, shape (C,)
        Probability that each cluster is a real nucleus.
    """

    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    precision: NDArray[np.float64]
    posterior: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        """Evidence in the vote of each model, at least 0: log of the odds that it is right."""
        p, q = self.sensitivity, self.specificity
        return np.maximum(np.log(p * q / ((1 - p) * (1 - q))), 0)


def staple(candidates: Candidates, settings: Staple) -> MethodResult:
    """Clusters that are real with a probability above ``min_posterior``, which is their score.

    The outline is the pixels with more than ``threshold`` of the members' votes; a member votes
    with score x weight, the weight of its model times `Ratings.weights`. See `rated` for the paper.
    """
    clusters = find_clusters(candidates, settings.iou)
    ratings = rated(candidates, clusters)
    real = ratings.posterior > settings.min_posterior
    clusters, posterior = clusters[real], ratings.posterior[real]
    reweighted = _reweighted(candidates, ratings.weights)
    fused = voted(reweighted, clusters, settings.threshold, absent=0.0).with_scores(posterior)
    alive = fused.areas > 0
    return result_of_clusters(candidates, clusters[alive], fused[alive])


def rated(candidates: Candidates, clusters: Clusters) -> Ratings:
    """Rate the models by which clusters they are in.

    Every cluster is a candidate that is real or not, and a decision of every model: it has a
    nucleus there or none. Expectation (is the candidate real, given how good the models are) and
    maximisation (how good are they, given what is real) take turns. The prior is the share of
    positive decisions, as in the paper; evidence of a model counts in proportion to its weight.

    References
    ----------
    Warfield, Zou, Wells 2004, Simultaneous truth and performance level estimation (STAPLE),
    https://doi.org/10.1109/TMI.2004.828354
    """
    n_models = candidates.weights.size
    decisions = np.zeros((len(clusters), n_models), bool)
    decisions[clusters.numbers, candidates.models[clusters.members]] = True
    # What the same models have found is rated alike: a few patterns stand for all clusters.
    patterns, pattern_of, counts = np.unique(
        decisions, axis=0, return_inverse=True, return_counts=True
    )
    prior = np.clip(decisions.mean() if decisions.size else 0.5, 0.01, 0.99)
    p = q = np.full(n_models, _START)
    real = np.zeros(len(patterns))
    for _ in range(_ROUNDS):
        before = real
        real = _expected(patterns, p, q, candidates.weights, prior)
        p, q = _maximised(patterns, counts, real)
        if np.abs(real - before).max(initial=0.0) < _CLOSE:
            break
    found = _sum((counts * real)[:, np.newaxis] * patterns, 0)
    n_found = (counts[:, np.newaxis] * patterns).sum(axis=0)
    return Ratings(p, q, found / np.maximum(n_found, 1), real[pattern_of.ravel()])


def _expected(
    patterns: NDArray[np.bool_],
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    weights: NDArray[np.float64],
    prior: float,
) -> NDArray[np.float64]:
    """Probability that candidates of each pattern are real, shape (P,)."""
    evidence = np.where(patterns, np.log(p / (1 - q)), np.log((1 - p) / q))
    odds = np.log(prior / (1 - prior)) + _sum(evidence * weights, 1)
    return 1 / (1 + np.exp(-np.clip(odds, -700, 700)))


def _maximised(
    patterns: NDArray[np.bool_], counts: NDArray[np.int64], real: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and specificity of each model, (M,) both."""
    true = (counts * real)[:, np.newaxis]
    false = (counts * (1 - real))[:, np.newaxis]
    held = _START * _HELD_BY
    p = (_sum(true * patterns, 0) + held) / (_sum(true, 0) + _HELD_BY)
    q = (_sum(false * ~patterns, 0) + held) / (_sum(false, 0) + _HELD_BY)
    return p, q


def _sum(terms: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Sum of the sorted terms, so that the order of models does not change the last digit."""
    return np.asarray(np.sort(terms, axis=axis).sum(axis=axis))


def _reweighted(candidates: Candidates, evidence: NDArray[np.float64]) -> Candidates:
    weights = candidates.weights * evidence
    weights = weights / weights.max() if weights.max() > 0 else candidates.weights
    strengths = confidence(candidates.masks.scores) * weights[candidates.models]
    return replace(candidates, weights=weights, strengths=strengths)
