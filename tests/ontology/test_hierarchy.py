"""The class hierarchy against networkx."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.hierarchy import Hierarchy

graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30))
)


def as_networkx(n: int, links: list[tuple[int, int]]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((c, p) for c, p in links if c != p)
    return graph


@given(graphs)
def test_ancestors_and_descendants_are_reachability(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, links = case
    hierarchy = Hierarchy(n, [c for c, _ in links], [p for _, p in links])
    graph = as_networkx(n, links)
    for node in range(n):
        assert set(hierarchy.ancestors(node)) == nx.descendants(graph, node) | {node}
        assert set(hierarchy.descendants(node)) == nx.ancestors(graph, node) | {node}


@given(graphs)
def test_ancestor_matrix_holds_the_ancestors_of_each(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, links = case
    hierarchy = Hierarchy(n, [c for c, _ in links], [p for _, p in links])
    chosen = np.arange(0, n, 2, dtype=np.int32)
    matrix, columns = hierarchy.ancestor_matrix(chosen)
    for row, node in enumerate(chosen):
        assert columns[matrix[[row]].indices].tolist() == hierarchy.ancestors(int(node)).tolist()


@settings(max_examples=200, deadline=None)
@given(graphs)
def test_depth_is_the_longest_path_of_the_condensation(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, links = case
    hierarchy = Hierarchy(n, [c for c, _ in links], [p for _, p in links])
    graph = as_networkx(n, links)
    assert hierarchy.depth == nx.dag_longest_path_length(nx.condensation(graph))
    assert hierarchy.links == graph.number_of_edges()
    assert hierarchy.roots.tolist() == [v for v in range(n) if graph.out_degree(v) == 0]


@settings(max_examples=200, deadline=None)
@given(graphs)
def test_levels_are_longest_paths_to_the_component_of_each_class(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, links = case
    hierarchy = Hierarchy(n, [c for c, _ in links], [p for _, p in links])
    graph = as_networkx(n, links).reverse()
    count, label = hierarchy.components
    components = {frozenset(np.flatnonzero(label == number).tolist()) for number in range(count)}
    assert components == set(map(frozenset, nx.strongly_connected_components(graph)))
    condensed, level = nx.condensation(graph), {}
    for component in nx.topological_sort(condensed):
        level[component] = 1 + max((level[above] for above in condensed.predecessors(component)), default=0)
    assert hierarchy.levels.tolist() == [level[condensed.graph["mapping"][v]] for v in range(n)]


def test_an_empty_hierarchy_has_no_depth() -> None:
    empty = Hierarchy(0, [], [])
    assert (empty.depth, empty.links, empty.roots.tolist()) == (0, 0, [])


@settings(max_examples=40, deadline=None)
@given(graphs)
def test_a_hierarchy_on_disk_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[int, list[tuple[int, int]]]
) -> None:
    n, links = case
    folder = tmp_path_factory.mktemp("hierarchy")
    made = Hierarchy(n, [c for c, _ in links], [p for _, p in links])
    made.save(folder, "told")
    loaded = Hierarchy.load(folder, "told")
    assert (loaded.size, loaded.links, loaded.depth) == (made.size, made.links, made.depth)
    assert loaded.roots.tolist() == made.roots.tolist() and loaded.levels.tolist() == made.levels.tolist()
    for node in range(n):
        assert loaded.ancestors(node).tolist() == made.ancestors(node).tolist()
        assert loaded.descendants(node).tolist() == made.descendants(node).tolist()
    assert (loaded.ancestor_matrix(np.arange(n))[0] != made.ancestor_matrix(np.arange(n))[0]).nnz == 0
