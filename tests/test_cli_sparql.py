"""Asking by the command line: subtrees, functions, bound values, and what readers and writers see of each other."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import pytest

TURTLE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Van rdfs:subClassOf :Car . :Tree rdfs:subClassOf :Plant .
"""
WRITER = """import sys
from neurontology.ontology.kb import KB
kb = KB.open(sys.argv[1], writable=True)
print("open", flush=True)
sys.stdin.read()
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "neurontology", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEURONTOLOGY_")}
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sparql")
    (folder / "o.ttl").write_text(TURTLE)
    built = run("kb", "build", "owl", folder / "o.ttl", "--out", folder / "kb")
    assert built.returncode == 0, built.stderr
    return folder / "kb"


def answers(kb: Path, query: str, *more: str) -> list[str]:
    result = run("sparql", kb, query, "--json", *more)
    assert result.returncode == 0, result.stderr
    return sorted(row["c"]["value"].rpartition("/")[2] for row in json.loads(result.stdout)["results"]["bindings"])


def test_subtrees_by_path_by_function_and_by_bound_value(kb: Path) -> None:
    assert answers(kb, "SELECT ?c { ?c rdfs:subClassOf* <http://example.org/Vehicle> }") == ["Car", "Van", "Vehicle"]
    asked = "SELECT ?c { ?c rdfs:subClassOf ?d FILTER (nl:strictlyUnder(?c, <http://example.org/Car>)) }"
    assert answers(kb, asked) == ["Van"]
    assert answers(kb, "SELECT ?c ?x { ?c rdfs:subClassOf+ ?x }", "--bind", "x=Vehicle") == ["Car", "Van"]
    hostile = "x=<http://example.org/Car> } ?c ?p ?o {>"
    assert run("sparql", kb, "SELECT ?c ?x { ?c rdfs:subClassOf+ ?x }", "--bind", hostile).returncode == 2


def test_a_second_writer_is_refused_and_readers_go_on(kb: Path, tmp_path: Path) -> None:
    (tmp_path / "more.ttl").write_text(TURTLE.splitlines()[0] + " :Bus rdfs:subClassOf :Vehicle .")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(kb)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        refused = run("kb", "extend", kb, tmp_path / "more.ttl")
        assert refused.returncode == 1
        assert "another process is writing" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert answers(kb, "SELECT ?c { ?c rdfs:subClassOf+ <http://example.org/Vehicle> }") == ["Car", "Van"]
        if shutil.which("oxigraph", path=sysconfig.get_path("scripts")) or shutil.which("oxigraph"):
            with subprocess.Popen(command("serve", kb, "--port", 0), stdout=subprocess.PIPE, text=True) as server:
                assert server.stdout is not None
                address = server.stdout.readline().split()[0]
                with urllib.request.urlopen(f"{address}query?query=ASK%20%7B%20%3Fa%20%3Fb%20%3Fc%7D", timeout=20) as a:
                    assert b"true" in a.read()
                server.terminate()
        writer.communicate("")
    assert run("kb", "extend", kb, tmp_path / "more.ttl").returncode == 0
    assert answers(kb, "SELECT ?c { ?c rdfs:subClassOf+ <http://example.org/Vehicle> }") == ["Bus", "Car", "Van"]


def test_a_build_from_an_endpoint_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(60)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/sparql"
        with subprocess.Popen(command("kb", "build", "sparql", address, "--out", tmp_path / "kb")) as process:
            try:
                connection, _ = silent.accept()
                with connection:
                    asked = b""
                    # The head of a request may come by itself.
                    while b"COUNT" not in asked:
                        more = connection.recv(65536)
                        assert more, asked
                        asked += more
                    process.kill()
                    process.wait(timeout=20)
            finally:
                process.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://me:secret@host/x"], "holds a user name"),
        (["http://host/x", "--user", "me"], "NEURONTOLOGY_PASSWORD"),
        (["http://host/x", "--query", "SELECT ?a { ?a ?b ?c }"], "does not give a hierarchy"),
    ],
)
def test_wrong_calls(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("kb", "build", "sparql", *arguments, "--out", tmp_path / "kb")
    assert result.returncode == 2
    assert message in result.stderr
    assert "secret" not in result.stderr
