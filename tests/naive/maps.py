"""Slow and obvious fusion of probability maps, value by value; imports nothing from nucfuse."""

import math

from naive.masks import label_areas

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


# ------------------------------------------------------------------- from probabilities to nuclei


def components(mask, connectivity):
    """Connected sets of true pixels (y, x), in the order of their first pixels, row by row."""
    left = {(y, x) for y, row in enumerate(mask) for x, inside in enumerate(row) if inside}
    found = []
    for start in sorted(left):
        piece, front = set(), [start]
        while front:
            y, x = front.pop()
            if (y, x) in left:
                left.remove((y, x))
                piece.add((y, x))
                front += neighbours(y, x, connectivity)
        if piece:
            found.append(piece)
    return found


def neighbours(y, x, connectivity):
    """Positions whose offsets have at most that many coordinates that are not 0."""
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    return [(y + dy, x + dx) for dy, dx in steps if abs(dy) + abs(dx) <= connectivity]


def enclosed(labels, piece):
    """The one id around a piece of background, or None if it touches the frame or several."""
    height, width = len(labels), len(labels[0])
    around = {at for y, x in piece for at in neighbours(y, x, 1)} - piece
    if any(not (0 <= y < height and 0 <= x < width) for y, x in around):
        return None
    ids = {int(labels[y][x]) for y, x in around}
    return ids.pop() if len(ids) == 1 else None


def median_area(areas, speck):
    """Middle of the sorted areas that are no specks; 0 if there are none."""
    kept = sorted(a for a in areas if a >= max(speck, 1))
    if not kept:
        return 0
    return (kept[(len(kept) - 1) // 2] + kept[len(kept) // 2]) / 2


def clean(labels, speck, small, giant, hole):
    """Nuclei as a list of sets of pixels: fill holes, drop outliers, until nothing changes."""
    labels = [[int(v) for v in row] for row in labels]
    while True:
        before = [list(row) for row in labels]
        median = median_area(label_areas(labels).values(), speck)
        for piece in components([[v == 0 for v in row] for row in labels], 1):
            owner = enclosed(before, piece)
            if owner is not None and len(piece) < hole * median:
                for y, x in piece:
                    labels[y][x] = owner
        areas = label_areas(labels)
        median = median_area(areas.values(), speck)
        for y, row in enumerate(labels):
            for x, id_ in enumerate(row):
                area = areas.get(id_, 0)
                if area < max(speck, small * median) or (median > 0 and area > giant * median):
                    labels[y][x] = 0
        if labels == before:
            return labels
