"""Serving and pushing, with Oxigraph's real server on loopback and SPARQLWrapper as a stranger's client."""

import http.client
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import sysconfig
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.catalog import catalog_iri
from neurontology.ontology.endpoint import CHUNK, PRESETS, Endpoint, push_graph
from neurontology.ontology.errors import DataError, MissingDependencyError, NeurontologyError, UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.server import Server, serve
from neurontology.ontology.sparql import run_query
from neurontology.ontology.vocabulary import PREFIXES
from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Triple
from SPARQLWrapper import JSON, POST, SPARQLWrapper

EX = "http://example.org/"
PROGRAM = shutil.which("oxigraph", path=sysconfig.get_path("scripts")) or shutil.which("oxigraph")
needs_server = pytest.mark.skipif(PROGRAM is None, reason="needs the extra `server`")


@pytest.fixture
def kb(tmp_path: Path) -> KB:
    (tmp_path / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle ."
    )
    return build_owl([tmp_path / "o.ttl"], tmp_path / "kb")


def ask(endpoint: str, query: str) -> list[dict[str, str]]:
    client = SPARQLWrapper(endpoint)
    client.setReturnFormat(JSON)
    client.setTimeout(20)
    client.setQuery(query)
    answer = client.query()
    try:
        found = answer.convert()
    finally:
        answer.response.close()
    return [{k: v["value"] for k, v in row.items()} for row in found["results"]["bindings"]]


SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
SUBCLASSES = f"SELECT ?c {{ ?c <{SUBCLASS}> <http://example.org/Vehicle> }} ORDER BY ?c"


@needs_server
def test_serving_is_read_only_and_ends_without_a_trace(kb: KB, tmp_path: Path) -> None:
    with serve(kb, 0) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert [row["c"] for row in ask(server.query, SUBCLASSES)] == [EX + "Bus", EX + "Car"]
        with urllib.request.urlopen(server.url, timeout=20) as page:
            assert b"<html" in page.read(2000).lower()
        writer = SPARQLWrapper(server.query, updateEndpoint=server.url + "update")
        writer.setMethod(POST)
        writer.setTimeout(20)
        writer.setQuery("DROP ALL")
        with pytest.raises(Exception, match=r"403|405|404") as caught:
            writer.query()
        for error in (caught.value, caught.value.__context__):
            if isinstance(error, HTTPError):
                error.close()
        # A writer goes on meanwhile; the server shows the state of its start.
        writable = KB.open(tmp_path / "kb", writable=True)
        vehicle = NamedNode(EX + "Vehicle")
        subclass = NamedNode(SUBCLASS)
        writable.put_graph("extension", "e", [Triple(NamedNode(EX + "Van"), subclass, vehicle)], origin="here")
        assert len(ask(server.query, SUBCLASSES)) == 2
        del writable
    assert server.process.poll() is not None
    assert not list((tmp_path / "kb").glob(".serving-*"))
    with serve(KB.open(tmp_path / "kb"), 0) as server:
        assert len(ask(server.query, SUBCLASSES)) == 3


def csv(request: urllib.request.Request | str) -> list[str]:
    if isinstance(request, str):
        request = urllib.request.Request(request)
    request.add_header("Accept", "text/csv")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return sorted(answer.read().decode().splitlines()[1:])


def alone(kb: KB, query: str) -> list[str]:
    """Answers of the engine as they are, without any rewriting."""
    found = kb.query(query, prefixes=PREFIXES)
    return sorted(",".join(term.value for term in row) for row in found)


def in_all_ways(server: Server, query: str) -> list[list[str]]:
    """Answers to a query asked by GET, by a form, and as a body."""
    asked = urllib.parse.urlencode({"query": query})
    direct = {"Content-Type": "application/sparql-query"}
    return [
        csv(f"{server.query}?{asked}"),
        csv(urllib.request.Request(server.query, asked.encode())),
        csv(urllib.request.Request(server.query, query.encode(), direct)),
    ]


@needs_server
@pytest.mark.parametrize("token", [None, "secret"])
def test_subtrees_are_answered_from_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """The server is asked something else than the client asked, and the answers are those of the engine alone."""
    monkeypatch.setattr("neurontology.ontology.server._LISTED", 5)
    links = "".join(f":c{i} rdfs:subClassOf :c{i // 3} . " for i in range(1, 60))
    things = "".join(f":t{i} :shows :c{i} , :c{i // 2} . " for i in range(0, 60, 2))
    (tmp_path / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . " + links + things
    )
    kb = build_owl([tmp_path / "o.ttl"], tmp_path / "kb")
    passed: list[str] = []
    true_request = http.client.HTTPConnection.request

    def spy(
        self: http.client.HTTPConnection, method: str, url: str, body: Any = None, *more: Any, **named: Any
    ) -> None:
        passed.append(f"{url} {body!r}")
        true_request(self, method, url, body, *more, **named)

    shows = f"?t <{EX}shows> ?c"
    # The functions say the same as the path does.
    questions = {
        "path": (f"SELECT ?t ?c {{ {shows} . ?c rdfs:subClassOf* <{EX}c1> }}",) * 2,
        "few": (f"SELECT ?t ?c {{ {shows} . ?c rdfs:subClassOf+ <{EX}c7> }}",) * 2,
        "sequence": (f"SELECT ?t {{ ?t <{EX}shows>/<{SUBCLASS}>* <{EX}c1> }}",) * 2,
        "subject": (f"SELECT DISTINCT ?c {{ ?c <{SUBCLASS}> ?d . ?c rdfs:subClassOf+ <{EX}c1> }}",) * 2,
        "under": (
            f"SELECT ?t ?c {{ {shows} FILTER nl:under(?c, <{EX}c1>) }}",
            f"SELECT ?t ?c {{ {shows} . ?c rdfs:subClassOf* <{EX}c1> }}",
        ),
        "not under": (
            f"SELECT ?t ?c {{ {shows} FILTER (!nl:strictlyUnder(?c, <{EX}c1>)) }}",
            f"SELECT ?t ?c {{ {shows} FILTER NOT EXISTS {{ ?c rdfs:subClassOf+ <{EX}c1> }} }}",
        ),
    }
    with serve(kb, 0, token=token) as server:
        if token is not None:
            opener = urllib.request.build_opener()
            opener.addheaders = [("Authorization", f"Bearer {token}")]
            monkeypatch.setattr(urllib.request, "urlopen", opener.open)
        monkeypatch.setattr(http.client.HTTPConnection, "request", spy)
        for name, (asked, meant) in questions.items():
            expected = alone(kb, meant)
            assert expected
            passed.clear()
            for answer in in_all_ways(server, asked):
                assert answer == expected, name
            # A client's own connections are http.client's, too: those of the gate are the others.
            rewritten = [text for text in passed if ("VALUES" in text) or ("EXISTS {" in text)]
            assert len(rewritten) == 3, name
        # A request that names graphs is asked as it is: its answer is not that of all graphs.
        query = f"PREFIX s: <{SUBCLASS.removesuffix('subClassOf')}> SELECT ?c {{ ?c s:subClassOf* <{EX}c1> }}"
        graph = urllib.parse.urlencode({"query": query, "default-graph-uri": EX + "none"})
        assert csv(f"{server.query}?{graph}") == []
        # What is no query gets the server's own answer.
        with pytest.raises(HTTPError) as caught:
            csv(f"{server.query}?{urllib.parse.urlencode({'query': 'SELECT ?c { ?c rdfs:subClassOf* '})}")
        assert caught.value.code == 400
        caught.value.close()


@needs_server
def test_the_served_graphs_are_merged_or_chosen(kb: KB, tmp_path: Path) -> None:
    writable = KB.open(tmp_path / "kb", writable=True)
    unit = NamedNode(EX + "unit")
    facts = [Triple(unit, NamedNode(EX + "number"), Literal(i)) for i in (1, 2)]
    writable.put_graph("run", "one", facts[:1], origin="x")
    writable.put_graph("run", "two", facts, origin="x")
    del writable
    kb = KB.open(tmp_path / "kb")
    count = f"SELECT (COUNT(*) AS ?n) {{ ?u <{EX}number> ?i }}"
    graphs = f"SELECT ?g {{ GRAPH ?g {{ ?u <{EX}number> ?i }} }}"
    of_one = f"SELECT ?i FROM <{kb.base}run/one> WHERE {{ ?u <{EX}number> ?i }}"
    named = f"SELECT ?i FROM NAMED <{kb.base}run/two> WHERE {{ GRAPH ?g {{ ?u <{EX}number> ?i }} }}"
    with serve(kb, 0) as server:
        for query, expected in ((count, ["2"]), (of_one, ["1"]), (named, ["1", "2"])):
            assert locally(kb, query) == expected
            assert in_all_ways(server, query) == [expected] * 3
            # As clients ask that say what format they want.
            more = urllib.parse.urlencode({"query": query, "format": "csv", "output": "csv"})
            assert csv(f"{server.query}?{more}") == csv(urllib.request.Request(server.query, more.encode())) == expected
        runs = [f"{kb.base}run/{name}" for name in ("one", "two", "two")]
        assert in_all_ways(server, graphs) == [runs] * 3


def locally(kb: KB, query: str) -> list[str]:
    found = run_query(kb, query)
    assert isinstance(found, QuerySolutions)
    return sorted(",".join(term.value for term in row) for row in found)


@needs_server
def test_the_command_serves_until_it_is_told_to_stop(kb: KB, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "neurontology", "serve", str(tmp_path / "kb"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.split()[0]
        assert len(ask(address + "query", SUBCLASSES)) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not list((tmp_path / "kb").glob(".serving-*"))


def test_a_port_in_use_and_a_missing_server(kb: KB, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if PROGRAM is not None:
            with pytest.raises(UsageError, match="cannot be used"), serve(kb, taken.getsockname()[1]):
                pass
    monkeypatch.setattr(sysconfig, "get_path", lambda name: "/nonexistent")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match=r"pip install 'neurontology\[server\]'"), serve(kb, 0):
        pass


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Endpoint]:
    """A server that can be written to."""
    if PROGRAM is None:
        pytest.skip("needs the extra `server`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PROGRAM, "serve", "--location", str(tmp_path / "remote"), "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.05)
        yield Endpoint(f"http://127.0.0.1:{port}/query", f"http://127.0.0.1:{port}/update", timeout=20, pause=0.05)
    finally:
        process.terminate()
        process.wait(timeout=20)


def content(count: int) -> list[Triple]:
    label = NamedNode(EX + "label")
    awkward = Literal('say "hi"\\\n\t} . { Ω 😀', language="en")
    return [Triple(NamedNode(f"{EX}n{i}"), label, awkward if i == 0 else Literal(str(i))) for i in range(count)]


def stored(endpoint: Endpoint, graph: str) -> set[tuple[str, str]]:
    rows = ask(endpoint.query, f"SELECT ?s ?o {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")
    return {(row["s"], row["o"]) for row in rows}


def pairs(triples: list[Triple]) -> set[tuple[str, str]]:
    return {(t.subject.value, t.object.value) for t in triples}  # type: ignore[union-attr]


def test_a_pushed_graph_arrives_whole_and_replaces_what_was_there(kb: KB, tmp_path: Path, remote: Endpoint) -> None:
    writable = KB.open(tmp_path / "kb", writable=True)
    entry, _ = writable.put_graph("run", "r", content(CHUNK + 500), origin="here")
    assert push_graph(remote, kb.base, entry, content(CHUNK + 500))
    assert stored(remote, entry.iri) == pairs(content(CHUNK + 500))
    assert not push_graph(remote, kb.base, entry, content(CHUNK + 500))
    shorter, _ = writable.put_graph("run", "r", content(7), origin="here")
    assert push_graph(remote, kb.base, shorter, content(7))
    assert stored(remote, entry.iri) == pairs(content(7))
    described = f"GRAPH {catalog_iri(kb.base)} {{ ?g <https://w3id.org/neurontology/digest> ?d }}"
    assert [row["d"] for row in ask(remote.query, f"SELECT ?d {{ {described} }}")] == [shorter.digest]


class Stumbling(socketserver.ThreadingTCPServer):
    """A gateway that passes requests on but loses some answers: the work is done, the client hears 504."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, target: int, every: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.every, self.seen, self.lost = target, every, 0, 0


class _Handler(socketserver.StreamRequestHandler):
    server: Stumbling

    def handle(self) -> None:
        lines, length = [], 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines.append(line)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = self.rfile.read(length)
        with socket.create_connection(("127.0.0.1", self.server.target)) as onward:
            onward.sendall(b"".join(lines) + b"\r\n" + body)
            answer = b""
            while block := onward.recv(65536):
                answer += block
        self.server.seen += 1
        if self.server.seen % self.server.every == 0:
            self.server.lost += 1
            answer = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(answer)


def test_lost_answers_are_asked_for_again_and_duplicate_nothing(kb: KB, tmp_path: Path, remote: Endpoint) -> None:
    port = int(remote.update.rpartition(":")[2].partition("/")[0])
    with Stumbling(port, every=3) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{gateway.server_address[1]}"
        through = Endpoint(f"{address}/query", f"{address}/update", timeout=20, pause=0.01)
        writable = KB.open(tmp_path / "kb", writable=True)
        triples = content(3 * CHUNK)
        entry, _ = writable.put_graph("run", "r", triples, origin="here")
        assert push_graph(through, kb.base, entry, triples)
        gateway.shutdown()
        assert gateway.lost >= 2
    assert stored(remote, entry.iri) == pairs(triples)


def test_endpoints_that_refuse_or_are_not_there(kb: KB, tmp_path: Path, remote: Endpoint) -> None:
    entry, _ = KB.open(tmp_path / "kb", writable=True).put_graph("run", "r", content(3), origin="here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(NeurontologyError, match=r"does not answer .*, asked 4 times"):
        push_graph(Endpoint(closed, closed, timeout=2, pause=0.01), kb.base, entry, content(3))
    wrong = Endpoint(remote.query, remote.query + "/nowhere", timeout=20, pause=0.01)
    with pytest.raises(NeurontologyError, match="refuses the request"):
        push_graph(wrong, kb.base, entry, content(3))
    with pytest.raises(DataError, match="blank nodes"):
        push_graph(remote, kb.base, entry, [Triple(BlankNode("b"), NamedNode(EX + "p"), Literal("x"))])


@needs_server
def test_serving_refuses_a_push(kb: KB, tmp_path: Path) -> None:
    entry, _ = KB.open(tmp_path / "kb", writable=True).put_graph("run", "r", content(3), origin="here")
    with (
        serve(KB.open(tmp_path / "kb"), 0) as server,
        pytest.raises(NeurontologyError, match="refuses the request"),
    ):
        push_graph(Endpoint.at(server.url), kb.base, entry, content(4))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_services_of_every_preset_are_below_its_address(preset: str) -> None:
    found = Endpoint.at("https://host.org/data/", preset=preset)
    expected = PRESETS[preset]
    assert found.query == "https://host.org/data" + expected.query
    assert found.update == "https://host.org/data" + expected.update
