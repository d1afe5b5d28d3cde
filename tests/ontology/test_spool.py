"""Triples on disk: sorted whatever their number and order, the digest that of a plain sort."""

from __future__ import annotations

import hashlib
import random

import pytest
from neurontology.ontology import spool
from neurontology.ontology.catalog import content_digest
from neurontology.ontology.kb import KB
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Triple

EX = "http://example.org/"


def awkward(count: int) -> list[Triple]:
    objects = [
        Literal('a\nb\r\t\x00\x0b\x85\u2028"\\'),
        Literal("chat", language="fr"),
        Literal("chat", language="fr-ca"),
        Literal("chat"),
        Literal("7", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer")),
        BlankNode("b1"),
        NamedNode(EX + "größe/🚗"),
    ]
    predicate = NamedNode(EX + "p")
    made = [Triple(NamedNode(f"{EX}{k // 7}"), predicate, objects[k % 7]) for k in range(count)]
    random.Random(0).shuffle(made)
    return made


@pytest.mark.parametrize("size", [3, 50, 10**6])
def test_sorted_runs_are_merged_to_what_one_sort_gives(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(spool, "_RUN", size)
    triples = [*awkward(210), *awkward(20)]
    plain = sorted(str(triple) for triple in triples)
    with spool.spooled(iter(triples)) as content:
        assert list(content.lines()) == plain
        assert sorted(str(triple) for triple in content.triples()) == plain
        assert list(content.lines()) == plain
        digest = content.digest
    assert digest == hashlib.sha256("".join(line + "\n" for line in plain).encode()).hexdigest()
    assert content_digest(reversed(triples)) == digest
    assert content_digest([]) == hashlib.sha256(b"").hexdigest()


def test_a_graph_may_come_from_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_RUN", 10)
    kb = KB.in_memory([])
    triples = awkward(70)
    entry, changed = kb.put_graph("abox", "photos", (triple for triple in triples), origin="x")
    assert changed and {quad.triple for quad in kb.content(entry)} == set(triples)
    again, changed = kb.put_graph("abox", "photos", reversed(triples), origin="x")
    assert (again, changed) == (entry, False)
    # A replacement is written as SPARQL, where a blank node is always a new one.
    named = [triple for triple in triples if not isinstance(triple.object, BlankNode)][:30]
    entry, changed = kb.put_graph("abox", "photos", (triple for triple in named), origin="x")
    assert changed and {quad.triple for quad in kb.content(entry)} == set(named)


def test_the_size_of_a_knowledge_base_is_that_of_its_store() -> None:
    kb = KB.in_memory([])
    named = [triple for triple in awkward(70) if not isinstance(triple.object, BlankNode)]
    for content in ([*named, *named[:5]], named[:9], [*named[:30], named[0]]):
        kb.put_graph("abox", "photos", content, origin="x")
        kb.put_graph("extension", "e", content[:3], origin="x")
        assert kb.info()["triples"] == sum(quad.graph_name != DefaultGraph() for quad in kb.store)
    kb.drop_graph("abox", "photos")
    assert kb.info()["triples"] == sum(quad.graph_name != DefaultGraph() for quad in kb.store)
