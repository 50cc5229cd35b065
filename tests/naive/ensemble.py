"""Slow and obvious fusion of nuclei, on boolean masks; imports nothing from nucfuse.

A nucleus is a `Nucleus`; a set of them is a list; results are dictionaries. Shares and votes are
fractions, so nothing is rounded.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from naive import clean
from naive.detection import box_iou
from naive.masks import box as box_of
from naive.masks import iou as mask_iou
from naive.masks import runs

KEPT, FUSED, SUPPRESSED, DROPPED = range(4)


@dataclass(eq=False)
class Nucleus:
    """One mask of one set, and all that is known of it."""

    mask: np.ndarray
    score: float
    cls: int
    name: str
    place: int
    input: int
    model: int = 0
    weight: Fraction = Fraction(1)

    @property
    def area(self):
        return int(self.mask.sum())

    @property
    def confidence(self):
        return Fraction(1) if math.isnan(self.score) else Fraction(float(self.score))

    @property
    def strength(self):
        return self.confidence * self.weight

    @property
    def vote(self):
        """At least a tiny one."""
        return max(self.strength, Fraction(1, 2**40))

    @property
    def level(self):
        """Sort key that knows nothing of the model."""
        return (
            -self.strength, self.place, math.isnan(self.score), -self.area, self.cls, self.name,
            runs(self.mask),
        )  # fmt: skip


def nuclei_of(sets):
    """All nuclei of sets given as dictionaries with masks, scores, classes (or None) and name."""
    result = []
    for one in sets:
        n = len(one["masks"])
        scores = one["scores"] or [math.nan] * n
        classes = one["classes"] or [0] * n
        result.append(
            [
                Nucleus(mask, score, cls, one["name"], place, 0)
                for place, (mask, score, cls) in enumerate(
                    zip(one["masks"], scores, classes, strict=True)
                )
            ]
        )
    for number, nucleus in enumerate(n for one in result for n in one):
        nucleus.input = number
    return result


def pooled(sets, weights):
    """The nuclei with pixels of the sets with weight, and the weights of these, the largest 1."""
    largest = max(Fraction(w) for w in weights)
    used = [(k, Fraction(w) / largest) for k, w in enumerate(weights) if w > 0]
    pool = []
    for model, (k, weight) in enumerate(used):
        for nucleus in nuclei_of(sets)[k]:
            nucleus.model, nucleus.weight = model, weight
            if nucleus.area:
                pool.append(nucleus)
    return pool, [weight for _, weight in used], [k for k, _ in used]


def iou(a, b):
    """Intersection over union of two nuclei as a fraction."""
    return mask_iou(a.mask, b.mask)


def over_smaller(a, b):
    """Intersection over the smaller area as a fraction."""
    return Fraction(int((a.mask & b.mask).sum()), min(a.area, b.area))


def is_more(share, threshold):
    """Whether a fraction is above a float that may stand for one, as 0.6 for 3/5."""
    return float(share) > threshold


# ------------------------------------------------------------------------------------- suppression


def greedy(ordered, covers, threshold):
    """{nucleus: its suppressor}: nuclei in order, each against all kept before it."""
    kept, by = [], {}
    for nucleus in ordered:
        hits = [k for k in kept if is_more(covers(k, nucleus), threshold)]
        if hits:
            by[nucleus] = hits[0]
        else:
            kept.append(nucleus)
    return by


def same_class(measure):
    """A measure that is 0 for nuclei of two classes."""
    return lambda a, b: measure(a, b) if a.cls == b.cls else Fraction(0)


def soft(order, overlap, scores, weights, threshold, decay, sigma, min_score):
    """Lowered scores and who lowered each most, of items 0..N-1 listed in ``order``."""
    scores = list(scores)
    waiting = list(order)
    by, worst = [-1] * len(scores), [0.0] * len(scores)
    while waiting:
        top = max(waiting, key=lambda i: (scores[i] * weights[i], -list(order).index(i)))
        waiting.remove(top)
        if scores[top] <= min_score:
            continue
        for i in waiting:
            share = float(overlap(top, i))
            if share == 0 or (decay == "linear" and share <= threshold):
                continue
            scores[i] *= 1 - share if decay == "linear" else math.exp(-(share**2) / sigma)
            if share > worst[i]:
                by[i], worst[i] = top, share
    return scores, by


def matrix(order, overlap, scores, decay, sigma):
    """Lowered scores and who lowered each, by the formula of the paper over all pairs."""
    scores = list(scores)
    by = [-1] * len(scores)
    shares = {(i, j): float(overlap(i, j)) for i in order for j in order if i != j}
    cover = {
        i: max((shares[k, i] for k in order[:rank]), default=0.0) for rank, i in enumerate(order)
    }
    result = list(scores)
    for rank, j in enumerate(order):
        factor = 1.0
        for i in order[:rank]:
            if shares[i, j] == 0 or cover[i] == 1:
                continue
            if decay == "linear":
                new = (1 - shares[i, j]) / (1 - cover[i])
            else:
                new = math.exp(-sigma * (shares[i, j] ** 2 - cover[i] ** 2))
            if new < factor:
                factor, by[j] = new, i
        result[j] = scores[j] * factor
    return result, by


# ---------------------------------------------------------------------------------------- clusters


def clusters(pool, threshold):
    """Lists of matching nuclei, the strongest first, at most one of each model."""
    pairs = [
        (a, b) for a in pool for b in pool
        if a.model < b.model and a.cls == b.cls and is_more(iou(a, b), threshold)
    ]  # fmt: skip
    pairs.sort(key=lambda ab: (-iou(*ab), *sorted([ab[0].level, ab[1].level])))
    found = [[nucleus] for nucleus in pool]
    for a, b in pairs:
        one = next(c for c in found if a in c)
        other = next(c for c in found if b in c)
        if one is not other and not {n.model for n in one} & {n.model for n in other}:
            found = [c for c in found if c is not one and c is not other] + [one + other]
    found = [sorted(c, key=lambda n: n.level) for c in found]
    return sorted(found, key=lambda c: (c[0].place, c[0].level))


def majority(cluster, threshold, against=Fraction(0), vote=lambda n: n.vote):
    """Pixels with more than a share of the votes of the members and those against."""
    total = sum(vote(n) for n in cluster) + against
    mask = np.zeros(cluster[0].mask.shape, bool)
    for y, x in np.argwhere(np.any([n.mask for n in cluster], axis=0)):
        cast = sum(vote(n) for n in cluster if n.mask[y, x])
        mask[y, x] = is_more(cast / total, threshold)
    return mask


def fused_score(cluster, weights):
    """Score x weight of the members over the weight of all models."""
    return sum(n.strength for n in cluster) / sum(weights)


def result_of(mask, score, cluster, votes=None):
    """One result, made from the members of a cluster."""
    return {
        "mask": mask, "score": score, "cls": cluster[0].cls,
        "source": "+".join(sorted({n.name for n in cluster} - {""})),
        "votes": len(cluster) if votes is None else votes,
        "contributors": [n.input for n in cluster],
        "priority": (-np.float32(score), cluster[0].level),
    }  # fmt: skip


def fates_of(pool, results, by=None):
    """{input: (fate, by)} of nuclei that are in a result, suppressed, or neither."""
    fates = {n.input: (DROPPED, -1) for n in pool}
    for loser, winner in (by or {}).items():
        fates[loser.input] = (SUPPRESSED, winner.input)
    for number, result in enumerate(results):
        for i in result["contributors"]:
            fates[i] = (KEPT if len(result["contributors"]) == 1 else FUSED, number)
    return fates


def weighted(pool, weights, used, iou, threshold, absent):
    results = []
    for cluster in clusters(pool, iou):
        missing = set(range(len(weights))) - {n.model for n in cluster}
        against = Fraction(absent) * sum((weights[m] for m in missing), Fraction(0))
        mask = majority(cluster, threshold, against)
        if mask.any():
            results.append(result_of(mask, fused_score(cluster, weights), cluster))
    return results, fates_of(pool, results)


def consensus(pool, weights, used, iou, min_votes, min_weight, outline):
    results = []
    for cluster in clusters(pool, iou):
        share = sum(weights[n.model] for n in cluster) / sum(weights)
        if len(cluster) < min(min_votes, len(weights)) or share < min_weight:
            continue
        mask = majority(cluster, 0.5) if outline == "majority" else medoid(cluster).mask
        if mask.any():
            results.append(result_of(mask, fused_score(cluster, weights), cluster))
    return results, fates_of(pool, results)


def medoid(cluster):
    """The member most like the others; the first of equal ones."""

    def similarity(n):
        return sum(round(float(iou(n, m)) * float(m.strength) * 2**40) for m in cluster if m != n)

    return max(cluster, key=lambda n: (similarity(n), -cluster.index(n)))


def revote(pool, weights, used, primary, iou, min_votes, threshold):
    model = used.index(primary)
    own = {c[[n.model for n in c].index(model)].place: c for c in clusters(pool, iou)
           if model in [n.model for n in c]}  # fmt: skip
    results, by = [], {}
    for _, cluster in sorted(own.items()):
        nucleus = next(n for n in cluster if n.model == model)
        mask = majority(cluster, threshold)
        replaced = len(cluster) >= min_votes and mask.any()
        result = result_of(
            mask if replaced else nucleus.mask, fused_score(cluster, weights),
            cluster if replaced else [nucleus], len(cluster),
        )  # fmt: skip
        result["priority"] = (-np.float64(result["score"]), nucleus.level)
        result["score"], result["cls"] = nucleus.score, nucleus.cls
        results.append(result)
        by.update({n: nucleus for n in cluster if not replaced and n is not nucleus})
    return results, fates_of(pool, results, by)


def survivors(pool, by, key, priority, gone=(), score=lambda n: n.score):
    """Results of nuclei that nobody suppressed, sorted by a key."""
    results = []
    for nucleus in sorted(pool, key=key):
        if nucleus not in by and nucleus not in gone:
            votes = len({nucleus.model} | {n.model for n, s in by.items() if s is nucleus})
            result = result_of(nucleus.mask, score(nucleus), [nucleus], votes)
            result["priority"] = priority(nucleus)
            results.append(result)
    return results, fates_of(pool, results, by)


def fallback(pool, weights, used, primary, overlap):
    tier = [-1 if k == primary else k for k in used]
    ordered = sorted(pool, key=lambda n: (tier[n.model], n.level))

    def covers(a, b):
        return over_smaller(a, b) if a.cls == b.cls and a.model != b.model else Fraction(0)

    by = greedy(ordered, covers, overlap)
    return survivors(
        pool, by, lambda n: (tier[n.model], n.place), lambda n: (tier[n.model], n.level)
    )


def mask_nms(pool, weights, used, iou, over):
    measure = same_class(globals()["iou"] if over == "union" else over_smaller)
    by = greedy(sorted(pool, key=lambda n: n.level), measure, iou)
    return survivors(pool, by, lambda n: (n.place, n.level), lambda n: n.level)


def box_nms(pool, weights, used, iou):
    measure = same_class(lambda a, b: box_iou(box_of(a.mask), box_of(b.mask)))
    by = greedy(sorted(pool, key=lambda n: n.level), measure, iou)
    return survivors(pool, by, lambda n: (n.place, n.level), lambda n: n.level)


def soft_nms(pool, weights, used, iou, decay, sigma, min_score):
    def function(order, overlap, scores):
        model_weights = [float(n.weight) for n in pool]
        return soft(order, overlap, scores, model_weights, iou, decay, sigma, min_score)

    return lowered(pool, function, min_score)


def matrix_nms(pool, weights, used, decay, sigma, min_score):
    def function(order, overlap, scores):
        return matrix(order, overlap, scores, decay, sigma)

    return lowered(pool, function, min_score)


def lowered(pool, function, min_score):
    """Survivors of a kind of suppression that lowers scores."""
    measure = same_class(iou)
    order = sorted(range(len(pool)), key=lambda i: pool[i].level)
    scores, by = function(
        order, lambda i, j: measure(pool[i], pool[j]), [float(n.confidence) for n in pool]
    )
    score = dict(zip(pool, scores, strict=True))
    gone = {n for n in pool if score[n] <= min_score}
    suppressors = {n: pool[by[i]] for i, n in enumerate(pool) if n in gone and by[i] >= 0}
    return survivors(
        pool, suppressors, lambda n: (n.place, n.level),
        lambda n: (-score[n] * float(n.weight), n.level), gone, score.get,
    )  # fmt: skip


def union(pool, weights, used):
    results = []
    for cls in sorted({n.cls for n in pool}):
        members = [n for n in pool if n.cls == cls]
        for piece in clean.pieces(np.any([n.mask for n in members], axis=0)):
            inside = sorted(
                [n for n in members if (n.mask & piece).any()], key=lambda n: n.level
            )  # fmt: skip
            score = max(n.strength for n in inside)
            results.append(result_of(piece, score, inside, len({n.model for n in inside})))
            results[-1]["priority"] = (-score, inside[0].level)
    fates = {}
    for n in pool:
        shared = [int((n.mask & r["mask"]).sum()) if n.input in r["contributors"] else 0
                  for r in results]  # fmt: skip
        best = shared.index(max(shared))
        fates[n.input] = (FUSED if len(results[best]["contributors"]) > 1 else KEPT, best)
    return results, fates


def staple_ratings(found, weights, start=0.9, held_by=2.0, rounds=200):
    """Sensitivity, specificity of each model, posterior of each cluster (lists of models)."""
    models = range(len(weights))
    share = sum(len(c) for c in found) / (len(found) * len(weights)) if found else 0.5
    prior = min(max(share, 0.01), 0.99)
    p, q = [start] * len(weights), [start] * len(weights)
    real = [0.0] * len(found)
    for _ in range(rounds):
        before = real
        real = []
        for cluster in found:
            odds = math.log(prior / (1 - prior))
            for m in models:
                is_in = m in cluster
                ratio = p[m] / (1 - q[m]) if is_in else (1 - p[m]) / q[m]
                odds += float(weights[m]) * math.log(ratio)
            real.append(1 / (1 + math.exp(-odds)))
        for m in models:
            has = [m in c for c in found]
            p[m] = (sum(r for r, h in zip(real, has, strict=True) if h) + start * held_by) / (
                sum(real) + held_by
            )
            q[m] = (sum(1 - r for r, h in zip(real, has, strict=True) if not h)
                    + start * held_by) / (sum(1 - r for r in real) + held_by)  # fmt: skip
        if all(abs(a - b) < 1e-9 for a, b in zip(real, before, strict=True)):
            break
    return p, q, real


def staple(pool, weights, used, iou, threshold, min_posterior):
    found = clusters(pool, iou)
    p, q, real = staple_ratings([{n.model for n in c} for c in found], weights)
    evidence = [
        float(w) * max(0.0, math.log(a * b / ((1 - a) * (1 - b))))
        for w, a, b in zip(weights, p, q, strict=True)
    ]
    evidence = [e / max(evidence) for e in evidence] if max(evidence) else list(map(float, weights))

    def vote(n):
        return max(1, round(float(n.confidence) * evidence[n.model] * 2**40))

    results = []
    for cluster, posterior in zip(found, real, strict=True):
        mask = majority(cluster, threshold, vote=vote)
        if posterior > min_posterior and mask.any():
            results.append(result_of(mask, posterior, cluster))
    return results, fates_of(pool, results)


METHODS = {
    "weighted": weighted, "consensus": consensus, "revote": revote, "fallback": fallback,
    "staple": staple, "mask_nms": mask_nms, "box_nms": box_nms, "soft_nms": soft_nms,
    "matrix_nms": matrix_nms, "union": union,
}  # fmt: skip


def fuse(sets, method, weights, disjoint=True, min_left=0.5, **params):
    """Results, and {input: (fate, by)} of all inputs."""
    pool, shares, used = pooled(sets, weights)
    results, fates = METHODS[method](pool, shares, used, **params)
    for result in results:
        result["cut"] = False
    if disjoint:
        results, fates = parted(results, fates, min_left)
    n = sum(len(one["masks"]) for one in sets)
    return results, [fates.get(i, (DROPPED, -1)) for i in range(n)]


def parted(results, fates, min_left):
    """Every pixel to the result of the best priority; fates follow."""
    if not results:
        return results, fates
    best_first = sorted(range(len(results)), key=lambda k: results[k]["priority"])
    scores = [-float(best_first.index(k)) for k in range(len(results))]
    stack = np.array([r["mask"] for r in results])
    left, number = [], {}
    for mask, k in clean.remove_overlaps(stack, scores, "score", "largest", 0):
        before, after = int(results[k]["mask"].sum()), int(mask.sum())
        if after >= min_left * before:
            number[k] = len(left)
            left.append(results[k] | {"mask": mask, "cut": after < before})
    moved = {}
    for i, (fate, by) in fates.items():
        if fate <= FUSED:
            homes = [k for k, r in enumerate(left) if i in r["contributors"]]
            home = number.get(by, homes[0] if homes else -1)
            alone = home >= 0 and len(left[home]["contributors"]) == 1
            moved[i] = (DROPPED if home < 0 else KEPT if alone else FUSED, home)
        else:
            moved[i] = (fate, by)
    return left, moved


# ------------------------------------------------------------------------------------------- boxes


def fuse_boxes(boxes, scores, classes, weights, iou, min_score, score):
    """Weighted boxes fusion: [(box, score, class, models, members)], best first; any order of ties.

    After Solovyev 2021 and the way ensemble-boxes 1.0.9 does it; models of weight 0 left out.
    """
    items = []
    number = 0
    for model, weight in enumerate(weights):
        for box, s, cls in zip(boxes[model], scores[model], classes[model], strict=True):
            if s >= min_score and weight > 0:
                items.append((list(box), s * weight, weight, model, cls, number))
            number += 1
    items.sort(key=lambda item: -item[1])
    found = []
    for item in items:
        matches = [
            (box_iou(f["box"], item[0]), -k) for k, f in enumerate(found) if f["cls"] == item[4]
        ]
        best = max(matches, default=(0.0, 0))
        if best[0] > iou:
            fused = found[-best[1]]
            fused["members"].append(item)
            total = sum(m[1] for m in fused["members"])
            if total > 0:
                fused["box"] = [
                    sum(m[1] * m[0][d] for m in fused["members"]) / total for d in range(4)
                ]
        else:
            found.append({"box": item[0], "cls": item[4], "members": [item]})
    everyone = sum(weights)
    results = []
    for f in found:
        members = f["members"]
        total, n = sum(m[1] for m in members), len(members)
        models = {m[3] for m in members}
        present = sum(weights[m] for m in models)
        own = sum(m[2] for m in members)
        value = {
            "mean": total / n * min(n, sum(w > 0 for w in weights)) / everyone,
            "max": max(m[1] for m in members) / max(weights),
            "models": total / own * present / everyone,
            "absent": total / (own + everyone - present),
        }[score]
        results.append((f["box"], value, f["cls"], len(models), sorted(m[5] for m in members)))
    return sorted(results, key=lambda r: -r[1])
