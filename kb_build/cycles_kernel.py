"""The compiled part of :mod:`.cycles`: putting edges back into an acyclic graph."""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Compiled code is cached beside the file with the name of the module. Test runners import the file under the
# name of the clone's folder too, and a cache written there could not be loaded here.
_CACHE = __name__.startswith("neurontology.")

# Bounds the work by a multiple of the edges. Components of 100 000 nodes stay below it; in larger ones what
# comes last is not put back.
_LOOKS_PER_EDGE = 1000

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(cache=_CACHE)
def put_back(depth: Ints, child: Ints, parent: Ints, kept: Flags, candidates: Ints) -> Flags:
    """Add those candidate edges, in turn, that close no cycle with the edges kept so far.

    The order of the nodes is kept up to date as in Pearce and Kelly, "A dynamic topological sort algorithm
    for directed acyclic graphs", ACM Journal of Experimental Algorithmics 11 (2006), so that each edge costs
    a look at the nodes between its ends only.

    Returns
    -------
    array
        `kept` with the added edges, bool, shape (edges,).
    """
    kept = kept.copy()
    n = len(depth)
    edges = len(child)
    up_head, down_head = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    up_next, down_next = np.full(edges, -1, np.int64), np.full(edges, -1, np.int64)
    children = np.zeros(n, np.int64)
    for e in range(edges):
        if kept[e]:
            up_next[e], up_head[child[e]] = up_head[child[e]], e
            down_next[e], down_head[parent[e]] = down_head[parent[e]], e
            children[parent[e]] += 1

    # Children before parents, and the deep before the others: then most candidates that climb towards the
    # root agree with the order from the start.
    ready = [(-depth[node], node) for node in range(n) if children[node] == 0]
    heapq.heapify(ready)
    place = np.empty(n, np.int64)
    for k in range(n):
        _, node = heapq.heappop(ready)
        place[node] = k
        e = up_head[node]
        while e >= 0:
            children[parent[e]] -= 1
            if children[parent[e]] == 0:
                heapq.heappush(ready, (-depth[parent[e]], parent[e]))
            e = up_next[e]

    seen = np.zeros(n, np.int64)
    above = np.empty(n, np.int64)
    below = np.empty(n, np.int64)
    looks = 0
    for turn in range(len(candidates)):
        if looks > _LOOKS_PER_EDGE * edges:
            break
        added = candidates[turn]
        low, high = child[added], parent[added]
        closes = False
        if place[low] > place[high]:
            # Everything above the parent, up to where the child stands.
            mark = 2 * turn + 1
            above[0] = high
            count_above = 1
            seen[high] = mark
            at = 0
            while at < count_above and not closes:
                e = up_head[above[at]]
                while e >= 0:
                    looks += 1
                    node = parent[e]
                    if node == low:
                        closes = True
                        break
                    if seen[node] != mark and place[node] < place[low]:
                        seen[node] = mark
                        above[count_above] = node
                        count_above += 1
                    e = up_next[e]
                at += 1
            if closes:
                continue
            mark += 1
            below[0] = low
            count_below = 1
            seen[low] = mark
            at = 0
            while at < count_below:
                e = down_head[below[at]]
                while e >= 0:
                    looks += 1
                    node = child[e]
                    if seen[node] != mark and place[node] > place[high]:
                        seen[node] = mark
                        below[count_below] = node
                        count_below += 1
                    e = down_next[e]
                at += 1
            # What is below the child takes the first of all their places, what is above the parent the rest.
            first, last = place[below[:count_below]], place[above[:count_above]]
            first_order = np.argsort(first, kind="mergesort")
            last_order = np.argsort(last, kind="mergesort")
            i = j = 0
            for k in range(count_below + count_above):
                if j == count_above or (i < count_below and first[first_order[i]] < last[last_order[j]]):
                    free = first[first_order[i]]
                    i += 1
                else:
                    free = last[last_order[j]]
                    j += 1
                if k < count_below:
                    place[below[first_order[k]]] = free
                else:
                    place[above[last_order[k - count_below]]] = free
        up_next[added], up_head[low] = up_head[low], added
        down_next[added], down_head[high] = down_head[high], added
        kept[added] = True
    return kept
