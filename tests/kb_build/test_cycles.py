"""Cycle breaking, with networkx as the judge of what is a cycle."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.cycles import Strategy, break_cycles, is_acyclic
from neurontology.ontology.errors import UsageError

STRATEGIES = get_args(Strategy)


def digraph(n: int, edges: list[tuple[int, int]]) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges)
    return graph


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    return n, draw(st.lists(st.tuples(node, node), max_size=40))


@settings(deadline=None, max_examples=300)
@given(graphs(), st.sampled_from(STRATEGIES), st.booleans())
def test_only_edges_of_cycles_go_and_no_cycle_stays(
    given_graph: tuple[int, list[tuple[int, int]]], strategy: Strategy, rooted: bool
) -> None:
    n, edges = given_graph
    child = np.array([c for c, _ in edges], np.int32)
    parent = np.array([p for _, p in edges], np.int32)
    roots = [0] if rooted else None
    result = break_cycles(n, child, parent, roots=roots, strategy=strategy)
    kept = [edge for edge, keep in zip(edges, result.kept.tolist(), strict=True) if keep]
    assert nx.is_directed_acyclic_graph(digraph(n, kept))
    assert len(set(kept)) == len(kept)
    assert result.removed.tolist() == np.flatnonzero(~result.kept).tolist()
    assert len(result.reasons) == len(result.removed)

    simple = nx.DiGraph(digraph(n, [(c, p) for c, p in edges if c != p]))
    components = [scc for scc in nx.strongly_connected_components(simple) if len(scc) > 1]
    assert sorted(result.component_sizes.tolist()) == sorted(map(len, components))
    for scc in components:
        assert len({int(result.component[node]) for node in scc}) == 1
    assert (result.component > 0).sum() == sum(map(len, components))
    for edge, reason in zip(result.removed.tolist(), result.reasons, strict=True):
        c, p = edges[edge]
        if reason == "self-loop":
            assert c == p
        elif reason == "duplicate":
            assert (c, p) in edges[:edge] and c != p
        else:
            assert reason.startswith("cycle: component ")
            assert nx.has_path(simple, p, c)
            if strategy != "depth":
                # Not one edge more than needed: each would close a cycle with those kept.
                assert nx.has_path(nx.DiGraph(digraph(n, kept)), p, c)
            assert (
                f"component {result.component[c]} of size {result.component_sizes[result.component[c] - 1]}" in reason
            )
    # An edge on no cycle stays, once.
    for c, p in set(edges):
        if c != p and not nx.has_path(simple, p, c):
            assert (c, p) in kept

    if rooted:
        lengths = nx.single_source_shortest_path_length(simple.reverse(), 0)
        assert all(result.depth[node] == length for node, length in lengths.items())
    assert (result.depth >= 0).all()
    again = break_cycles(n, child, parent, roots=roots, strategy=strategy)
    assert (again.kept == result.kept).all() and again.reasons == result.reasons


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_acyclicity_agrees_with_networkx(given_graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = given_graph
    child, parent = np.array(edges, np.int64).reshape(-1, 2).T
    assert is_acyclic(n, child, parent) == nx.is_directed_acyclic_graph(digraph(n, edges))


def test_the_edge_against_the_grain_is_the_one_removed() -> None:
    # 0 root; 1, 2, 3 a chain below it, and a link from 1 up "into" 3, its own descendant.
    child = np.array([1, 2, 3, 1])
    parent = np.array([0, 1, 2, 3])
    for strategy in ("eades", "depth"):
        result = break_cycles(4, child, parent, roots=[0], strategy=strategy)
        assert result.removed.tolist() == [3]
        assert result.reasons == ("cycle: component 1 of size 3, child at depth 1, parent at depth 3",)


def test_default_roots_are_the_tops_and_the_fullest_category_of_a_top_cycle() -> None:
    # 0 <-> 1 at the top, 1 with more children; 5 is a top of its own, above 6.
    child = np.array([0, 1, 2, 3, 4, 6])
    parent = np.array([1, 0, 1, 1, 0, 5])
    result = break_cycles(7, child, parent)
    assert result.depth.tolist() == [1, 0, 1, 1, 2, 0, 1]
    assert result.removed.tolist() == [1]


def test_a_cycle_below_no_given_root_is_measured_from_a_root_of_its_own() -> None:
    result = break_cycles(4, np.array([1, 2, 3, 3]), np.array([0, 3, 2, 2]), roots=[0])
    assert result.depth.tolist() == [0, 1, 0, 1]
    assert result.reasons == (
        "cycle: component 1 of size 2, child at depth 0, parent at depth 1",
        "duplicate",
    )


def test_no_nodes_no_edges_and_long_chains() -> None:
    none = np.zeros(0, np.int64)
    assert break_cycles(0, none, none).kept.shape == (0,)
    assert break_cycles(3, none, none).depth.tolist() == [0, 0, 0]
    n = 100_000
    ring = break_cycles(n, np.arange(n), (np.arange(n) + 1) % n, roots=[0], strategy="dfs")
    assert len(ring.removed) == 1
    chain = break_cycles(n, np.arange(1, n), np.arange(n - 1))
    assert chain.kept.all()
    assert chain.depth.tolist() == list(range(n))


def test_wrong_calls_are_refused() -> None:
    one = np.array([0])
    with pytest.raises(UsageError, match="Did you mean eades"):
        break_cycles(1, one, one, strategy="eads")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="does not exist"):
        break_cycles(1, one, np.array([1]))
    with pytest.raises(UsageError, match="does not exist"):
        break_cycles(1, one, one, roots=[-1])
    with pytest.raises(UsageError, match="one of each per edge"):
        break_cycles(1, one, np.array([0, 0]))


def read_subtree(path: Path) -> tuple[list[str], list[tuple[int, int]]]:
    """Names and distinct (child, parent) edges of a depth-first listing in GBK."""
    names = ["Areas of computer science"]
    number = {names[0]: 0}
    edges: dict[tuple[int, int], None] = {}
    above = {0: 0}
    for line in path.read_text(encoding="gbk").splitlines():
        depth, _, name = line.partition("#")
        node = number.setdefault(name, len(names))
        if node == len(names):
            names.append(name)
        above[int(depth)] = node
        edges.setdefault((node, above[int(depth) - 1]))
    return names, list(edges)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_real_computer_science_categories(shared_data: Path, strategy: Strategy) -> None:
    names, edges = read_subtree(shared_data / "wikipedia-subtree/areas-of-computer-science-depth-5.txt")
    assert (len(names), len(edges)) == (6574, 9475)
    child, parent = np.array(edges).T
    result = break_cycles(len(names), child, parent, roots=[0], strategy=strategy)
    assert len(result.component_sizes) == 15
    assert result.component_sizes.max() == 13
    kept = [edge for edge, keep in zip(edges, result.kept.tolist(), strict=True) if keep]
    assert nx.is_directed_acyclic_graph(digraph(len(names), kept))
    # Everything is still below the root: no category was cut off.
    assert len(nx.descendants(nx.DiGraph([(p, c) for c, p in kept]), 0)) == 6573 or strategy == "dfs"
    together = {result.component[names.index(name)] for name in ("Artificial intelligence", "Chaos theory")}
    assert len(together) == 1 and together != {0}
    if strategy == "eades":
        # No removed edge leads from a category to one nearer the root.
        removed = result.removed
        assert (result.depth[parent[removed]] >= result.depth[child[removed]]).all()
        # A book on software engineering is about software development; only one of the two links can stay.
        books = {(names[child[e]], names[parent[e]]) for e in removed.tolist() if "books" in names[child[e]]}
        assert len(books) == 1
