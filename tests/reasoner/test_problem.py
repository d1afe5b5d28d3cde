"""The record of a learning problem, its checks, and where its knowledge base is found."""

import gzip
from pathlib import Path

import pytest
from neurontology.ontology.errors import DataError, UsageError
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.problem import LearningProblem, make_problem


def problem(positives: list[str], negatives: list[str], **more: object) -> LearningProblem:
    return make_problem("p", positives, negatives, origin=Path("d/p.conf"), **more)  # type: ignore[arg-type]


def test_examples_are_expanded_and_kept_in_order_once() -> None:
    made = problem(["ex:b", "<http://a.org/#a>", "ex:b", "c"], ["ex:d"], prefixes={"ex": "http://a.org/#"})
    assert made.positives == ("http://a.org/#b", "http://a.org/#a", "c")
    assert made.negatives == ("http://a.org/#d",)
    assert made.warnings == ("p.conf: positive examples are listed more than once: http://a.org/#b",)


def test_an_undeclared_prefix_is_warned_of_once() -> None:
    made = problem(["ex:a", "ex:b", "urn:x:1", "http://a.org/b"], [":c"])
    assert made.positives[:2] == ("ex:a", "ex:b")
    assert [w for w in made.warnings if "'ex'" in w] == [
        "p.conf: the prefix 'ex' is not declared, the local name stands for: ex:a, ex:b"
    ]
    assert len(made.warnings) == 2


def test_an_individual_on_both_sides_is_refused_under_any_spelling() -> None:
    with pytest.raises(DataError, match=r"d/p.conf: 2 individuals of 'p' are both .*: http://a.org/#a, b; "):
        problem(["ex:a", "b", "c"], ["b", "http://a.org/#a"], prefixes={"ex": "http://a.org/#"})


@pytest.mark.parametrize(
    ("kind", "positives", "negatives", "missing"),
    [
        ("standard", [], ["b"], "positive"),
        ("standard", ["a"], [], "negative"),
        ("positive-only", [], [], "positive"),
    ],
)
def test_a_side_that_is_needed_must_not_be_empty(
    kind: str, positives: list[str], negatives: list[str], missing: str
) -> None:
    with pytest.raises(DataError, match=f"has no {missing} examples"):
        problem(positives, negatives, kind=kind)


def test_kinds_without_a_side_drop_it_with_a_warning() -> None:
    only = problem(["a"], ["b"], kind="positive-only")
    assert (only.positives, only.negatives, len(only.warnings)) == (("a",), (), 1)
    described = problem([], [], kind="class", described_class="ex:C", prefixes={"ex": "http://a.org/#"})
    assert (described.described_class, described.warnings) == ("http://a.org/#C", ())
    with pytest.raises(DataError, match="names no class"):
        problem([], [], kind="class")


# -- knowledge ------------------------------------------------------------------------------------------


def stated(origin: Path, *knowledge: str) -> LearningProblem:
    return make_problem("p", ["a"], ["b"], origin=origin, knowledge=knowledge)


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"") if path.suffix == ".gz" else b"")
    return path


def test_knowledge_beside_the_problem_comes_before_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = tmp_path / "data" / "problems" / "family" / "pre" / "p.conf"
    monkeypatch.chdir(put(tmp_path / "work" / "k.owl").parent)
    far = put(tmp_path / "data" / "owl" / "family" / "k.owl")
    put(tmp_path / "data" / "owl" / "other" / "k.owl")
    assert find_knowledge(stated(origin, "k.owl")) == (tmp_path / "work" / "k.owl",)
    beside = put(origin.parent / "k.owl")
    assert find_knowledge(stated(origin, "k.owl")) == (beside,)
    # Of two equally near ones, the one in a folder that the problem's path names as well.
    for written in ("/Users/me/k.owl", r"C:\data\k.owl", "https://example.org/k.owl"):
        beside.unlink(missing_ok=True)
        assert find_knowledge(stated(origin, written)) == (far,)


def test_the_folder_that_a_path_names_is_looked_for_above_the_problem(tmp_path: Path) -> None:
    origin = tmp_path / "data" / "father" / "p.conf"
    put(tmp_path / "data" / "uncle" / "k.owl")
    with pytest.raises(UsageError, match="was not found"):
        find_knowledge(stated(origin, "../examples/family/k.owl"))
    meant = put(tmp_path / "data" / "family" / "k.owl")
    for written in ("../examples/family/k.owl", "/home/me/family/k.owl", "C:\\family\\k.owl"):
        assert find_knowledge(stated(origin, written)) == (meant,)


def test_files_as_urls_and_with_slashes_that_lean_left(tmp_path: Path) -> None:
    origin, meant = tmp_path / "problems" / "p.conf", put(tmp_path / "my data" / "k.owl")
    for written in (meant.as_uri(), f"file:{meant}", "file:../my%20data/k.owl", r"..\my data\k.owl"):
        assert [path.resolve() for path in find_knowledge(stated(origin, written))] == [meant]


def test_several_equally_near_files_are_not_chosen_between(tmp_path: Path) -> None:
    origin = tmp_path / "problems" / "p.conf"
    files = [put(tmp_path / "owl" / folder / "k.owl") for folder in ("a", "b")]
    with pytest.raises(UsageError, match="several files") as error:
        find_knowledge(stated(origin, "k.owl"))
    assert all(str(file) in str(error.value) for file in files)


def test_packed_files_and_the_owl_file_for_a_kb_file(tmp_path: Path) -> None:
    origin = tmp_path / "p.conf"
    packed = put(tmp_path / "k.owl.gz")
    assert find_knowledge(stated(origin, "k.owl")) == (packed,)
    assert find_knowledge(stated(origin, "k.kb", "sub/k.owl")) == (packed, packed)
    plain = put(tmp_path / "k.owl")
    assert find_knowledge(stated(origin, "k.owl")) == (plain,)
    with pytest.raises(UsageError):
        find_knowledge(stated(origin, "k.ttl"))


def test_the_error_lists_every_place_that_was_tried(tmp_path: Path) -> None:
    origin = tmp_path / "a" / "p.conf"
    with pytest.raises(UsageError) as error:
        find_knowledge(stated(origin, "/no/such/k.owl"))
    message = str(error.value)
    for place in (
        "/no/such/k.owl",
        tmp_path / "a" / "k.owl",
        tmp_path / "owl" / "k.owl",
        tmp_path / "a/kb/k.owl",
    ):
        assert str(place) in message
    assert "--kb" in message
    with pytest.raises(UsageError, match="names no knowledge base"):
        find_knowledge(stated(origin))


def test_impossible_paths_are_not_found_and_nothing_worse(tmp_path: Path) -> None:
    for written in ("x" * 5000, "a\0b.owl", "..", "/"):
        with pytest.raises(UsageError) as refused:
            find_knowledge(stated(tmp_path / "p.conf", written))
        assert "was not found" in refused.value.what
        assert len(str(refused.value)) < 5000
