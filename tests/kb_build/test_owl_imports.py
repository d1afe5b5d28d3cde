"""Imported ontologies that nobody gave are named, since what they say is missing."""

from pathlib import Path

import pytest
from neurontology.kb_build.owl import build_owl, read_owl

MAIN = """@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix : <http://a.org/main#> .
<http://a.org/main> a owl:Ontology ; owl:imports <http://a.org/parts>, <http://a.org/parts/1.0> .
:a a :Car ."""
PARTS = """@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix : <http://a.org/parts#> .
<http://a.org/parts> a owl:Ontology ; owl:versionIRI <http://a.org/parts/1.0> . :w a :Wheel ."""


def test_missing_imports_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    main, parts = tmp_path / "main.ttl", tmp_path / "parts.ttl"
    main.write_text(MAIN)
    parts.write_text(PARTS)
    read_owl([main])
    assert "not fetched: <http://a.org/parts>, <http://a.org/parts/1.0>;" in caplog.text
    caplog.clear()
    build_owl([main], tmp_path / "kb")
    assert "<http://a.org/parts>" in caplog.text
    caplog.clear()
    assert "http://a.org/parts#w" in read_owl([main, parts]).index.individuals
    assert not caplog.text
