"""Large graphs: nobody sees them before they are whole, whatever happens meanwhile."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from neurontology.kb_build.owl import build_owl
from neurontology.ontology import kb as kb_module
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import run_query
from neurontology.ontology.unfinished import FinishedStore, load_unfinished, remove_unfinished, unfinished_graphs
from neurontology.ontology.vocabulary import DATA, nl
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Triple

EX = "http://example.org/"
PHOTOS = NamedNode(f"{DATA}abox/photos")
SMALL = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
:contains a owl:ObjectProperty . :i1 :contains :o1 . :o1 a :Car . :Car a owl:Class .
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.ttl").write_text(SMALL)
    build_owl([tmp_path / "small.ttl"], tmp_path / "kb")
    return tmp_path / "kb"


def triples(count: int) -> Iterator[Triple]:
    return (Triple(NamedNode(f"{EX}p{i}"), NamedNode(EX + "contains"), NamedNode(EX + "o1")) for i in range(count))


def stated(kb: KB, query: str = "SELECT ?s ?g { GRAPH ?g { ?s ?p ?o } }") -> list[list[str]]:
    found = kb.query(query)
    assert isinstance(found, QuerySolutions)
    return sorted([term.value for term in row] for row in found)


def leave_unfinished(path: Path, count: int) -> None:
    """What a process that is killed while it loads leaves behind."""
    kb = KB.open(path, writable=True)
    quads = (Quad(t.subject, t.predicate, t.object, PHOTOS) for t in triples(count))
    load_unfinished(kb.store, kb.base, PHOTOS, quads)
    kb.store.flush()


def test_readers_do_not_see_what_is_being_loaded(small: Path) -> None:
    before = KB.open(small)
    all_stated, everything = stated(before), sorted(map(str, before.statements()))
    leave_unfinished(small, 50)
    reader = KB.open(small)
    assert stated(reader) == all_stated
    assert stated(reader, "SELECT ?s { ?s ?p ?o }") == stated(before, "SELECT ?s { ?s ?p ?o }")
    assert sorted(map(str, reader.statements())) == everything
    assert not list(reader.store.quads_for_pattern(NamedNode(EX + "p1"), None, None, None))
    assert not list(reader.store.quads_for_pattern(None, None, None, PHOTOS))
    assert PHOTOS not in list(reader.store.named_graphs())
    assert reader.info() == before.info()
    assert reader.label(EX + "p1") is None
    for clauses in (
        f"FROM NAMED <{PHOTOS.value}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",
        f"FROM <{PHOTOS.value}> {{ ?s ?p ?o }}",
    ):
        found = run_query(reader, f"SELECT ?s {clauses}")
        assert isinstance(found, QuerySolutions)
        assert list(found) == []
    assert stated(reader) == all_stated  # and nothing more than usual is hidden
    nothing = run_query(reader, "SELECT ?s FROM <http://example.org/none> { GRAPH ?g { ?s ?p ?o } }")
    assert isinstance(nothing, QuerySolutions)
    assert list(nothing) == []


def test_the_next_writer_removes_what_was_not_finished(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, everything = KB.open(small).digest, stated(KB.open(small))
    leave_unfinished(small, 50)
    monkeypatch.setattr("neurontology.ontology.unfinished.AT_ONCE", 7)  # several parts
    kb = KB.open(small, writable=True)
    assert list(kb.store.quads_for_pattern(None, None, None, PHOTOS)) == []
    assert PHOTOS not in list(kb.store.named_graphs())
    assert (kb.digest, stated(kb)) == (digest, everything)
    assert not isinstance(KB.open(small).store, FinishedStore)


def test_a_graph_that_is_loaded_before_is_the_same_as_one_that_is_not(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(path: Path, at_once: int) -> tuple[object, ...]:
        monkeypatch.setattr(kb_module, "AT_ONCE", at_once)
        kb = KB.open(path, writable=True)
        entry, changed = kb.put_graph("abox", "photos", triples(40), origin="x", created="2026-01-01")
        again = kb.put_graph("abox", "photos", triples(40), origin="x")[1]
        kb.put_graph("abox", "others", [*triples(3), Triple(*[NamedNode(EX + "new")] * 3)], origin="y", created="z")
        return entry, changed, again, sorted(map(str, kb.store)), kb.info(), kb.digest

    build_owl([tmp_path / "small.ttl"], tmp_path / "other")
    assert put(small, 1 << 18) == put(tmp_path / "other", 2)


def test_nothing_is_left_where_loading_fails(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kb_module, "AT_ONCE", 2)
    kb = KB.open(small, writable=True)
    before = sorted(map(str, kb.store))

    class Full:
        """A store on a disk that is full after some triples."""

        def bulk_extend(self, quads: Iterator[Quad]) -> None:
            kb_store.bulk_extend(next(quads) for _ in range(5))
            raise OSError("no room")

        def __getattr__(self, name: str) -> object:
            return getattr(kb_store, name)

    kb_store, kb.store = kb.store, Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="no room"):
        kb.put_graph("abox", "photos", triples(40), origin="x")
    assert sorted(map(str, kb_store)) == before
    assert unfinished_graphs(kb_store, DATA) == []


def test_what_is_in_the_catalogue_or_was_put_there_by_others_is_never_removed(small: Path) -> None:
    kb = KB.open(small, writable=True)
    foreign = NamedNode(EX + "mine")
    kb.store.extend(Quad(t.subject, t.predicate, t.object, foreign) for t in triples(3))
    for kind in ("abox", "extension", "run"):
        kb.put_graph(kind, "x", triples(4), origin="x")  # type: ignore[arg-type]
    kb.put_graph("abox", "empty", [], origin="x")
    before = sorted(map(str, kb.store))
    remove_unfinished(kb.store, DATA)
    assert sorted(map(str, kb.store)) == before
    mark = Quad(NamedNode(f"{DATA}abox/x"), nl("unfinished"), Literal(True), NamedNode(DATA + "unfinished"))
    kb.store.add(mark)  # killed when the graph was finished, before its mark was gone
    remove_unfinished(kb.store, DATA)
    assert sorted(map(str, kb.store)) == before


WRITER = """
import sys
from neurontology.ontology import kb as module
from pyoxigraph import Literal, NamedNode, Triple
module.AT_ONCE = 100
kb = module.KB.open(sys.argv[1], writable=True)
ex = "http://example.org/"
rows = [Triple(NamedNode(f"{ex}p{i}"), NamedNode(ex + "contains"), NamedNode(ex + "o1")) for i in range(30000)]
print("ready", flush=True)
kb.put_graph("abox", "photos", rows, origin="x")
"""


def test_a_writer_that_is_killed_while_it_loads(small: Path) -> None:
    before, finished = stated(KB.open(small)), 0
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(small)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(0.15 + 0.05 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
        reader = KB.open(small)
        whole = [e.triples for e in reader.entries if e.kind == "abox"]
        assert whole in ([], [30000])
        photos = [row for row in stated(reader) if row[1] == PHOTOS.value]
        assert len(photos) == sum(whole)
        del reader
        kb = KB.open(small, writable=True)
        if whole:
            finished += 1
            kb.drop_graph("abox", "photos")
        assert stated(kb) == before
        del kb
    assert finished < 8
