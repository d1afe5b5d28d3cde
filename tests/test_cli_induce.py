"""`induce` as a user meets it: its table, what it explains, bad input, the same output for the same input."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from neurontology.cli import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the command treats SIGPIPE")

TURTLE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . :has a owl:ObjectProperty .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree a owl:Class . :Unused a owl:Class .
:Image a owl:Class .
"""
OBJECTS = {
    "a": ("Car",),
    "b": ("Bus", "Tree"),
    "c": ("Tree",),
    "d": ("Tree", "Dog"),
    "e": ("Car", "Dog"),
    "f": ("Dog",),
}
CONF = """prefixes = [ ("ex","http://example.org/") ]
ks.type = "OWL File"
ks.fileName = "o.ttl"
lp.type = "posNegStandard"
lp.positiveExamples = { "ex:a", "ex:b", "ex:e" }
lp.negativeExamples = { "ex:c", "ex:d", "ex:f" }
lp.accuracyMethod = "pred_acc"
alg.type = "celoe"
alg.maxNrOfResults = 4
alg.noisePercentage = 20
alg.unheardOf = 3
"""


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "160", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "neurontology", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )


class Command:
    """The command in this process: the same entry, without a second of imports for each call."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments)])
        captured = self._capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, captured.out, captured.err

    def output(self, *arguments: object) -> str:
        code, out, err = self(*arguments)
        assert code == 0, err
        return out


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the command sets its own
    monkeypatch.setattr(logging, "_levelToName", dict(logging._levelToName))
    handler = signal.getsignal(signal.SIGPIPE)
    yield Command(capsys)
    signal.signal(signal.SIGPIPE, handler)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("induce")
    facts = "".join(
        f":{i} a :Image . " + "".join(f":{i} :has :{i}{c} . :{i}{c} a :{c} . " for c in classes) + "\n"
        for i, classes in OBJECTS.items()
    )
    (path / "o.ttl").write_text(TURTLE + facts)
    (path / "p.txt").write_text("a\nb\ne\n")
    (path / "n.txt").write_text("c\nd\nf\n")
    (path / "p.conf").write_text(CONF)
    (path / "odd.txt").write_text("a\nB\nimage_7\n")
    (path / "half.txt").write_text("c\nb\n")
    (path / "strangers.txt").write_text("image_8\nimage_9\n")
    (path / "none.txt").write_text("# nobody\n")
    (path / "words.conf").write_text("To whom it may concern\n")
    (path / "zeros.conf").write_bytes(bytes(500))
    (path / "junk.conf").write_bytes(b"ks.type = \xff\xfe\x00\x81")
    (path / "lost.conf").write_text(CONF.replace("o.ttl", "gone.owl"))
    (path / "empty.conf").write_text(re.sub(r"lp\.(posi|nega).*\n", "", CONF))
    (path / "zero.conf").write_text(CONF.replace("maxNrOfResults = 4", "maxNrOfResults = 0"))
    (path / "start.conf").write_text(CONF + 'alg.startClass = "ex:Imag"\n')
    (path / "bare.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . :Nobody a owl:Class .\n"
        + "".join(f":{i} a owl:NamedIndividual .\n" for i in OBJECTS)
    )
    return path


LISTS = ("--kb", "o.ttl", "--positives", "p.txt", "--negatives", "n.txt")


def test_the_file_counts_where_the_call_says_nothing(folder: Path, command: Command) -> None:
    from_file = run("induce", "--problem", "p.conf", "--json", cwd=folder)
    found = json.loads(from_file.stdout)
    assert (found["score"], len(found["solutions"])) == ("accuracy", 4)
    assert from_file.stderr.splitlines() == [
        "warning: p.conf:11: alg.unheardOf is not supported and is ignored",
        "warning: p.conf: settings without effect: noisePercentage 20 (it tells a search when it may stop; "
        "here the best answer is found whatever it covers wrongly)",
    ]
    asked = json.loads(command.output("induce", "--problem", "p.conf", "--score", "f1", "--top", 2, "--json"))
    assert (asked["score"], len(asked["solutions"])) == ("f1", 2)
    assert asked["solutions"][0]["score"] == asked["solutions"][0]["f1"] == 1.0


@pytest.mark.parametrize(
    ("score", "value"),
    [("f1", 1.0), ("mcc", 1.0), ("wracc", 0.25), ("precision@0.9", 1.0), ("balanced_accuracy", 1.0), ("coverage", 1.0)],
)
def test_the_table_has_the_score_that_was_asked_for(command: Command, score: str, value: float) -> None:
    lines = command.output("induce", *LISTS, "--score", score, "--top", 3).splitlines()
    header = " ".join(" ".join(lines[:2] if "rank" in lines[1] else lines[:1]).split())
    assert all(word in header for word in score.split("_")), header
    best = next(line for line in lines if re.match(r"\s*1 ", line))
    assert re.split(r"\s{2,}", best.strip()) == ["1", "∃ has.Vehicle", f"{value:.4g}", "3", "0", "3", "0", "3", "0"]
    text = "\n".join(lines)
    assert "3 positive and 3 negative examples" in text
    assert "proved: no expression over these atoms ranks higher" in text


def test_what_is_not_proved_says_why(command: Command) -> None:
    assert "not proved: the beam search proves nothing" in command.output("induce", *LISTS, "--strategy", "beam")
    ecii = command.output("induce", *LISTS, "--strategy", "ecii", "--score", "hybrid")
    assert "not proved: ECII's search is heuristic" in ecii
    assert "hybrid" in ecii.splitlines()[0]


@pytest.mark.parametrize("strategy", ["exact", "ecii"])
def test_explain_names_the_individuals(command: Command, strategy: str) -> None:
    call = ("induce", *LISTS, "--strategy", strategy, "--top", 6)
    found = json.loads(command.output(*call, "--explain", 9, "--json"))
    for s in found["solutions"]:
        covered, missed = set(s["covered_positives"]), set(s["missed_positives"])
        assert {x.removeprefix("http://example.org/") for x in covered | missed} == {"a", "b", "e"}
        assert (len(covered), len(missed), len(s["covered_negatives"])) == (s["tp"], s["fn"], s["fp"])
    by_name = {s["dl"]: s for s in found["solutions"]}
    if strategy == "exact":
        assert by_name["∃ has.Car"]["missed_positives"] == ["http://example.org/b"]
    plain = json.loads(command.output(*call, "--json"))
    assert not any("positives" in key for s in plain["solutions"] for key in s)
    first = json.loads(command.output(*call, "--explain", 1, "--json"))["solutions"][0]
    assert first["covered_positives"] == ["http://example.org/a"]
    table = command.output(*call, "--explain", 2)
    assert "positives covered (3): a, b and 1 more" in table
    assert "positives missed (0)\n" in table


@pytest.mark.parametrize(
    ("arguments", "code", "messages"),
    [
        (["--positives", "odd.txt", "--negatives", "n.txt"], 2, ["odd.txt: ", "B (near: http://example.org/b)"]),
        (["--positives", "p.txt", "--negatives", "half.txt"], 1, ["1 individual of 'p' is both positive", ": b;"]),
        (["--positives", "none.txt", "--negatives", "n.txt"], 1, ["none.txt: ", "no positive examples"]),
        (["--positives", "p.txt", "--negatives", "none.txt"], 1, ["no negative examples"]),
        (["--positives", "p.txt"], 2, ["the examples are not given"]),
        (["--positives", ".", "--negatives", "n.txt"], 2, ["is a directory"]),
        (["--problem", "."], 2, ["is a directory"]),
        (["--problem", "nowhere.conf"], 2, ["nowhere.conf: the file does not exist"]),
        (["--problem", "words.conf"], 1, ["words.conf: is not a known kind of learning problem"]),
        (["--problem", "zeros.conf"], 1, ["zeros.conf: is not a known kind of learning problem"]),
        (["--problem", "junk.conf"], 1, ["junk.conf:1: is not UTF-8 text"]),
        (["--problem", "empty.conf"], 1, ["empty.conf: ", "has no positive examples"]),
        (["--problem", "zero.conf"], 1, ["zero.conf:9: alg.maxNrOfResults is 0; expected a whole number"]),
        (["--problem", "start.conf"], 2, ["start.conf: the knowledge base has no class 'http://example.org/Imag'"]),
        (["--problem", "p.conf", "--select", "q"], 2, ["holds no problem called 'q'"]),
        (["--problem", "p.conf", "--score", "f2"], 2, ["unknown score 'f2'"]),
        (["--problem", "p.conf", "--max-atoms", "0"], 2, ["--max-atoms"]),
        (["--problem", "p.conf", "--max-atoms", "9"], 2, ["max_atoms 9; expected a number from 1 to 4"]),
        (["--problem", "p.conf", "--top", "0"], 2, ["--top"]),
        (["--problem", "p.conf", "--time-limit", "-1"], 2, ["time limit -1; expected more than 0 seconds"]),
        (["--problem", "p.conf", "--time-limit", "0"], 2, ["time limit 0; expected more than 0 seconds"]),
        (["--problem", "p.conf", "--depth", "-1"], 2, ["--depth"]),
        (["--problem", "p.conf", "--operators", "none"], 2, ["no operator 'none'; expected some of and, or, not"]),
        (["--problem", "p.conf", "--operators", ","], 2, ["--operators: nothing is named"]),
        (["--problem", "p.conf", "--constructors", "sum"], 2, ["no constructor 'sum'", "Did you mean some"]),
        (["--problem", "p.conf", "--constructors", ""], 2, ["--constructors: nothing is named"]),
        (["--problem", "p.conf", "--strategy", "exat"], 2, ["no strategy 'exat'", "Did you mean exact"]),
        (["--problem", "p.conf", "--explain", "0"], 2, ["--explain"]),
    ],
)  # fmt: skip
def test_bad_input_says_what_and_where(command: Command, arguments: list[str], code: int, messages: list[str]) -> None:
    found, out, err = command("induce", "--kb", "o.ttl", *arguments, "--json")
    assert (found, out) == (code, ""), err
    for message in messages:
        assert message in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kb", "code", "message"),
    [
        ("bare.ttl", 1, "no class or role filler distinguishes any two of the examples"),
        ("nowhere.owl", 2, "nowhere.owl: "),
        (".", 2, "is not a knowledge base"),
        ("zeros.conf", 1, "zeros.conf: "),
    ],
)
def test_knowledge_that_is_of_no_use(command: Command, kb: str, code: int, message: str) -> None:
    found, out, err = command("induce", "--kb", kb, "--positives", "p.txt", "--negatives", "n.txt")
    assert (found, out) == (code, ""), err
    assert message in err
    assert "Traceback" not in err


def test_missing_knowledge_lists_where_it_was_looked_for(folder: Path, command: Command) -> None:
    code, _, err = command("induce", "--problem", "lost.conf")
    assert code == 2
    for place in (folder / "gone.owl", folder / "owl" / "gone.owl", folder.parent / "kb" / "gone.owl"):
        assert str(place) in err


def test_two_runs_differ_in_time_only(folder: Path, command: Command) -> None:
    call = ("induce", *LISTS, "--explain", 3, "--json")
    outputs = [
        re.sub(r'"elapsed_seconds": [^,]*', "", text)
        for text in (run(*call, cwd=folder).stdout, command.output(*call), command.output(*call))
    ]
    assert outputs[0]
    assert outputs[0] == outputs[1] == outputs[2]
    assert json.loads(command.output("kb", "build", "owl", "o.ttl", "--out", "kb", "--json"))["individuals"] == 15
    stored = json.loads(command.output("induce", "--kb", "kb", *LISTS[2:], "--explain", 3, "--json"))
    assert stored["solutions"] == json.loads(command.output(*call))["solutions"]


def test_the_call_sets_the_start_class_and_leaves_unknown_examples_out(command: Command) -> None:
    under = json.loads(command.output("induce", *LISTS, "--start-class", "Image", "--json"))
    assert all("Image" in s["dl"] for s in under["solutions"])
    free = json.loads(
        command.output("induce", "--kb", "o.ttl", "--problem", "start.conf", "--start-class", "owl:Thing", "--json")
    )
    assert free["solutions"][0]["dl"] == "∃ has.Vehicle"
    skipping = ("induce", "--kb", "o.ttl", "--positives", "odd.txt", "--negatives", "n.txt", "--skip-bad", "--json")
    assert json.loads(command.output(*skipping))["individuals"] == 4
    nobody = ("induce", "--kb", "o.ttl", "--positives", "n.txt", "--negatives", "strangers.txt", "--skip-bad")
    assert command(*nobody)[0] == 2


def on_terminal(*arguments: object, cwd: Path, width: int) -> list[str]:
    """Lines that a command writes to a terminal of some width, what was overwritten among them."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-m", "neurontology", *map(str, arguments)],
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env={**environment, "TERM": "xterm"},
    ) as process:
        os.close(follower)
        content = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            content += piece
        assert process.wait() == 0
    os.close(leader)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", content.decode())
    return plain.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_on_a_terminal_is_as_wide_as_that(folder: Path, width: int) -> None:
    asked = ("induce", *LISTS, "--score", "balanced_accuracy", "--top", 40)
    lines = on_terminal(*asked, cwd=folder, width=width)
    rule = next(i for i, line in enumerate(lines) if line.startswith("──"))
    end = next(i for i, line in enumerate(lines) if " positive and " in line)
    table = lines[:end]
    assert max(map(len, table)) <= width
    # Expressions give way, numbers never: every row has all of its eight, and each on one line.
    ranked = [line for line in table[rule + 1 :] if re.match(r"\s*\d+ ", line)]
    assert len(ranked) > 10
    assert all(re.search(r"( +[\d.]+){7}$", line.rstrip()) for line in ranked)


def test_a_search_on_a_terminal_says_how_far_it_is_between_the_warnings(folder: Path) -> None:
    lines = on_terminal("induce", "--problem", "p.conf", cwd=folder, width=200)
    assert any("forming atoms and searching 0:00:00" in line for line in lines)
    told = [line.split(" searching: ")[1] for line in lines if " searching: " in line]
    assert told and all(text.startswith("best accuracy 1.0000, nothing above 1.0000 ") for text in told)
    assert [line for line in lines if "warning" in line] == [
        "warning: p.conf:11: alg.unheardOf is not supported and is ignored",
        "warning: p.conf: settings without effect: noisePercentage 20 (it tells a search when it may stop; "
        "here the best answer is found whatever it covers wrongly)",
    ]
