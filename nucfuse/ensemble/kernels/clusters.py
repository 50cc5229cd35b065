"""Compiled clustering of matching masks. Arguments are checked; nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets, root_of


@kernel
def clashing(first, second, models, n_models):
    """Whether each mask is connected, over any number of pairs, to another of its own model."""
    n = models.size
    parents, last, links = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):  # not np.full: that takes long to compile
        parents[i], last[i], links[i] = i, -1, -1
    for k in range(first.size):
        a, b = root_of(parents, first[k]), root_of(parents, second[k])
        parents[max(a, b)] = min(a, b)
    # A root is the first of its masks, so the list of each can be built in one pass.
    clash = np.zeros(n, np.bool_)
    for i in range(n):
        root = root_of(parents, i)
        k, steps = last[root], 0
        while k >= 0 and not clash[root]:
            steps += 1
            clash[root] = models[k] == models[i] or steps >= n_models
            k = links[k]
        links[i], last[root] = last[root], i
    for i in range(n):
        clash[i] = clash[root_of(parents, i)]
    return clash


@kernel
def join_pairs(first, second, models, n_models):
    """Join pairs in order unless two masks of one model would meet; cluster of each mask.

    Returns int32 (N,): the number of one mask of the cluster, the same for all of it.
    """
    n = models.size
    # Lists hold at most one mask per model, so that to walk one is short.
    heads, tails, links = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for i in range(n):
        heads[i], tails[i], links[i] = i, i, -1
    seen = np.empty(n_models, np.int64)
    for m in range(n_models):
        seen[m] = -1
    for k in range(first.size):
        a, b = heads[first[k]], heads[second[k]]
        if a == b or _share_a_model(a, b, models, links, seen, k):
            continue
        links[tails[a]], tails[a] = b, tails[b]
        while b >= 0:
            heads[b] = a
            b = links[b]
    return heads


@kernel
def _share_a_model(a, b, models, links, seen, stamp):
    """Whether two clusters (linked lists that begin with a and b) hold masks of one model."""
    while a >= 0:
        seen[models[a]] = stamp
        a = links[a]
    while b >= 0:
        if seen[models[b]] == stamp:
            return True
        b = links[b]
    return False


@kernel
def gather(heads, order):
    """Clusters as lists of their members, strongest first: members (N,), offsets (C + 1,).

    ``order`` is that of the masks from the strongest on; clusters come in that of their first.
    """
    n, n_clusters = heads.size, np.int64(0)
    number, cluster_of = np.empty(n, np.int64), np.empty(n, np.int64)
    for k in range(n):
        number[k] = -1
    for k in range(n):
        head = heads[order[k]]
        if number[head] < 0:
            number[head] = n_clusters
            n_clusters += 1
        cluster_of[k] = number[head]
    offsets = group_offsets(cluster_of, n_clusters)
    members, cursor = np.empty(n, np.int32), offsets.copy()
    for k in range(n):
        members[cursor[cluster_of[k]]] = order[k]
        cursor[cluster_of[k]] += 1
    return members, offsets
