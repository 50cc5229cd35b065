"""Slow and obvious fusion of probability maps, value by value; imports nothing from nucfuse."""

import math

MARGIN = 1e-6


def fuse(values, weights, method, trim=0.25):
    """One fused value from K values with weights; models without weight have no say."""
    pairs = sorted((v, w) for v, w in zip(values, weights, strict=True) if w > 0)
    if method == "max":
        return pairs[-1][0]
    if method == "min":
        return pairs[0][0]
    if method == "median":
        return median(pairs)
    if method == "trimmed":
        return median(pairs) if trim == 0.5 else trimmed(pairs, trim)
    whole = math.fsum(w for _, w in pairs)
    if method == "mean":
        return math.fsum(v * w for v, w in pairs) / whole
    if method == "geometric":
        return math.prod(v ** (w / whole) for v, w in pairs)
    inner = [(MARGIN + (1 - 2 * MARGIN) * v, w) for v, w in pairs]
    odds = math.exp(math.fsum(w * math.log(v / (1 - v)) for v, w in inner) / whole)
    return (odds / (1 + odds) - MARGIN) / (1 - 2 * MARGIN)


def median(pairs):
    """Between the first value with at least half of the weight up to it, and the last with at
    least half from it on."""
    whole = math.fsum(w for _, w in pairs)
    slack = 1e-12 * whole
    low = next(
        v
        for i, (v, _) in enumerate(pairs)
        if math.fsum(w for _, w in pairs[: i + 1]) >= whole / 2 - slack
    )
    high = next(
        pairs[i][0]
        for i in reversed(range(len(pairs)))
        if math.fsum(w for _, w in pairs[i:]) >= whole / 2 - slack
    )
    return (low + high) / 2


def trimmed(pairs, trim):
    """Cut a share of the weight off the small end, turn round, cut the other."""
    cut = trim * math.fsum(w for _, w in pairs)
    for _ in range(2):
        left = cut
        rest = []
        for value, weight in pairs:
            taken = min(weight, left)
            left -= taken
            rest.append((value, weight - taken))
        pairs = rest[::-1]
    whole = math.fsum(w for _, w in pairs)
    return math.fsum(v * w for v, w in pairs) / whole
