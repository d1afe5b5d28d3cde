"""Is anything lost when a command is killed?

Builds, annotates, extends, retracts and labels a small knowledge base again and again, each time in a process of its
own that is killed with SIGKILL: every other time at a random moment of its work, else at a random one of its steps in
the file system (just before a file is opened for writing, renamed, removed …). Then it looks what is left: the
knowledge base must open and hold exactly the former or exactly the new state, each graph as its catalogue says; the
same command must work when it is given again and end in the new state; and nothing half-made may be left beside it.

    python benchmarks/kill_storm.py                       100 kills (two minutes or so)
    python benchmarks/kill_storm.py --kills 12 --seed 3 --json

Of the kills one in four falls at a random moment, one in four just before a random step in the file system, and half
are aimed at the commit: the killed process says when it begins to write what it has computed (a graph into the store,
or the directory into its place), and is killed at a random moment of the time that this usually takes. The report says
how many fell before, within and after the commit.

Exits with 1 if anything was lost. Processes are forked from one that has imported everything, so that a kill hits the
work and not the start of Python. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Imported here, so that the forked processes need not do it.
import neurontology.bridge.extension_effect
import neurontology.bridge.labelling
import neurontology.bridge.recording
import neurontology.bridge.run
import neurontology.kb_build.annotate
import neurontology.kb_build.extension_file
import neurontology.kb_build.owl
import neurontology.kb_build.wikipedia_kb
import neurontology.ontology.extension
import neurontology.ontology.overlay
import neurontology.reasoner.solve
from neurontology.bridge.run import open_run
from neurontology.cli import main as command_line
from neurontology.ontology.kb import KB
from neurontology.ontology.spool import spooled

_STARTED = "http://www.w3.org/ns/prov#startedAtTime"
_STEPS = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "tempfile.mkdtemp", "tempfile.mkstemp"}
_WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Work:
    """A command that is killed.

    Attributes
    ----------
    name
        What it is called in the report.
    arguments
        The command line, run in the folder.
    before
        Folder with what there is before it; copied for each trial.
    out
        Directory that the command makes, or None.
    """

    name: str
    arguments: tuple[str, ...]
    before: Path
    out: str | None = None


# -- processes ------------------------------------------------------------------------------------------


@contextmanager
def _forked(action: Callable[[], Any], *, folder: Path) -> Iterator[tuple[int, int]]:
    """Run an action in a forked process; gives its id and the end of a pipe with its pickled result."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.chdir(folder)
            os.close(reading)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 2)
            result = action()
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(result, pipe)
            code = 0
        except BaseException:  # noqa: BLE001 - whatever happens here is the result
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(RuntimeError(traceback.format_exc()), pipe)
        finally:
            os._exit(code)
    os.close(writing)
    try:
        yield process, reading
    finally:
        os.close(reading)


def _in_fork(action: Callable[[], Any], *, folder: Path) -> Any:
    """Result of an action in a process of its own."""
    with _forked(action, folder=folder) as (process, reading):
        with os.fdopen(os.dup(reading), "rb") as pipe:
            content = pipe.read()
        os.waitpid(process, 0)
    result = pickle.loads(content)
    if isinstance(result, RuntimeError):
        raise result
    return result


@contextmanager
def _announced(say: Callable[[bytes], None], out: str | None) -> Iterator[None]:
    """Say when a command begins to write what lasts, ``c``, and when each such write has ended, ``e``."""

    @contextmanager
    def at_hand(triples: Any) -> Iterator[Any]:
        with spooled(triples) as content:
            say(b"c")
            yield content

    def told(write: Callable[..., Any], begin: bool) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if begin:
                say(b"c")
            result = write(*arguments, **named)
            say(b"e")
            return result

        return wrapped

    def renamed(event: str, details: tuple[Any, ...]) -> None:
        if event == "os.rename" and out is not None and Path(os.fsdecode(details[1])).name == out:
            say(b"c")

    sys.addaudithook(renamed)
    kb_module: Any = neurontology.ontology.kb
    kb_module.spooled = at_hand
    KB.put_graph = told(KB.put_graph, begin=False)  # type: ignore[method-assign]
    KB.drop_graph = told(KB.drop_graph, begin=True)  # type: ignore[method-assign]
    yield
    if out is not None:
        say(b"e")


def _command(
    arguments: tuple[str, ...],
    *,
    die_at: int | None = None,
    say: Callable[[bytes], None] | None = None,
    out: str | None = None,
) -> tuple[int, str, int]:
    """Run a command: exit code, what it said, steps in the file system. At step `die_at` the process is killed."""
    if say is not None:
        # The process ends with the command, so nothing has to be put back.
        with _announced(say, out):
            return _command(arguments, die_at=die_at)
    steps = 0

    def count(event: str, details: tuple[Any, ...]) -> None:
        nonlocal steps
        if event in _STEPS or (event == "open" and isinstance(details[2], int) and details[2] & _WRITING):
            steps += 1
            if steps == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    said = io.StringIO()
    sys.stderr = said
    try:
        with redirect_stdout(io.StringIO()):
            command_line(arguments)
    except SystemExit as end:
        return int(end.code or 0), said.getvalue(), steps


def _killed(
    work: Work, folder: Path, *, after: float | None, die_at: int | None, aimed: bool, whole: int
) -> str | None:
    """Run a command and kill it: ``before``, ``within`` or ``after`` its commit; None if it ended before.

    If `aimed`, the time `after` which it is killed begins with its commit; `whole` is how often it says something of
    that.
    """
    told, telling = os.pipe()

    def command() -> Any:
        os.close(told)
        return _command(
            work.arguments, die_at=die_at, say=lambda what: (os.write(telling, what), None)[1], out=work.out
        )

    with _forked(command, folder=folder) as (process, _), os.fdopen(told, "rb", buffering=0) as pipe:
        os.close(telling)
        said = (pipe.read(1) or b"") if aimed else b""
        if after is not None:
            time.sleep(after)
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        said += pipe.read()
    if not os.WIFSIGNALED(status):
        return None
    return "before" if not said else "within" if len(said) < whole else "after"


def _commit(work: Work, folder: Path) -> tuple[float, int]:
    """Seconds from the begin of the first write that lasts to the end of the last, and what is said meanwhile."""
    moments: list[float] = []

    def command() -> list[float]:
        code, text, _ = _command(work.arguments, say=lambda _: moments.append(time.perf_counter()), out=work.out)
        if code:
            raise RuntimeError(f"{work.name}: {text}")
        return moments

    found: list[float] = _in_fork(command, folder=folder)
    return found[-1] - found[0], len(found)


# -- states ---------------------------------------------------------------------------------------------


def _state(path: Path) -> dict[str, Any] | None:
    """What a knowledge base holds, by graph; None if there is none. Contradictions within it are errors."""
    if not path.exists():
        return None
    kb = KB.open(path)
    graphs = {}
    for entry in kb.entries:
        triples = [quad.triple for quad in kb.content(entry)]
        # A source's digest is that of its file, and a run may state a thing twice, which its digest counts.
        if entry.kind in ("abox", "extension"):
            with spooled(triples) as content:
                assert content.digest == entry.digest, f"{entry.name} is not what the catalogue says"
        assert len(triples) == entry.triples, f"{entry.name} has {len(triples)} triples, not {entry.triples}"
        # When a run began is the only thing that differs from time to time.
        lines = sorted(str(triple) for triple in triples if triple.predicate.value != _STARTED)
        graphs[f"{entry.kind} {entry.name}"] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    unknown = {node.value for node in kb.store.named_graphs()} - {e.iri for e in kb.entries} - {kb._catalog.value}
    assert not unknown, f"graphs that the catalogue does not know: {unknown}"
    named = {
        quad.triple for node in kb.store.named_graphs() for quad in kb.store.quads_for_pattern(None, None, None, node)
    }
    queried = list(kb.statements())
    assert len(queried) == len(named) and set(queried) == named, "queries do not see every triple once"
    return {"graphs": graphs, "info": kb.info()}


def _leftovers(folder: Path) -> list[str]:
    """Everything half-made in a folder."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if ".building-" in path.name or path.name.endswith(".work")
    )


# -- the small world ------------------------------------------------------------------------------------


def prepare(root: Path) -> list[Work]:
    """Make the inputs and the states before each command."""
    inputs = root / "inputs"
    inputs.mkdir(parents=True)
    names = [f"Thing{i}" for i in range(400)]
    (inputs / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        + "".join(f":{n} rdfs:subClassOf :Thing{i // 3} .\n" for i, n in enumerate(names) if i)
    )
    (inputs / "e.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
        + "".join(f":Own{i} a owl:Class ; rdfs:subClassOf :Thing{i} .\n" for i in range(60))
    )
    chance = random.Random(0)
    for version, seed in (("first", 1), ("second", 2)):
        draw = random.Random(seed)
        rows = [f"im{i},{n}" for i in range(150) for n in draw.sample(names, 6)]
        (inputs / f"{version}.csv").write_text("image,object\n" + "\n".join(rows) + "\n")
    units = [",".join(f"{chance.random() ** 3:.4f}" for _ in range(6)) for _ in range(150)]
    (inputs / "acts.csv").write_text(
        "0,1,2,3,4,5,Class_names,Filenames\n"
        + "\n".join(f"{row},scene,im{i}.jpg" for i, row in enumerate(units))
        + "\n"
    )
    wiki = Path(neurontology.__file__).parent / "examples" / "wiki"
    tables = ("page", "categorylinks", "linktarget", "page_props", "redirect")
    dumps = [part for t in tables for part in (f"--{t.replace('_', '-')}", str(wiki / f"{t}.sql"))]

    def made(name: str, former: Path | None, *commands: tuple[str, ...]) -> Path:
        folder = root / name
        if former is None:
            folder.mkdir()
        else:
            shutil.copytree(former, folder)
        for arguments in commands:
            code, said, _ = _in_fork(lambda given=arguments: _command(given), folder=folder)
            if code:
                raise RuntimeError(f"{' '.join(arguments)}: {said}")
        return folder

    owl = ("kb", "build", "owl", str(inputs / "o.ttl"), "--out", "kb")
    extend = ("kb", "extend", "kb", str(inputs / "e.ttl"), "--name", "own")
    empty = made("empty", None)
    built = made("built", empty, owl)
    annotated = made("annotated", built, ("kb", "annotate", "kb", "csv", str(inputs / "first.csv"), "--name", "set"))
    extended = made("extended", annotated, extend)
    acts = made("acts", annotated, ("activations", "import", str(inputs / "acts.csv"), "--out", "acts", "--layer", "d"))
    return [
        Work("build owl", owl, empty, "kb"),
        Work(
            "build wikipedia",
            ("kb", "build", "wikipedia", *dumps, "--out", "kb"),
            empty,
            "kb",
        ),
        Work("annotate", ("kb", "annotate", "kb", "csv", str(inputs / "second.csv"), "--name", "set"), annotated),
        Work("extend", extend, annotated),
        Work("retract", ("kb", "retract", "kb", "own"), extended),
        Work(
            "label",
            ("label", "--kb", "kb", "--activations", "acts", "--out", "run", "--max-atoms", "2", "--jobs", "1"),
            acts,
            "run",
        ),
    ]


# -- trials ---------------------------------------------------------------------------------------------


def trial(work: Work, folder: Path, old: Any, new: Any) -> str:
    """Look at what a killed command has left; gives the state it was in, and raises if something is lost."""
    found = _in_fork(lambda: _state(Path("kb")), folder=folder)
    assert found in (old, new), f"neither the old state nor the new one: {found}"
    out = None if work.out is None else folder / work.out
    if out is not None and out.exists():
        assert found == new, f"{work.out} exists, and the knowledge base has not changed"
    if work.name == "label" and out is not None and out.exists():
        _in_fork(lambda: open_run(Path("run")).digest, folder=folder)
    done = found == new and (out is None or out.exists())
    if not (done and (out is not None or work.name == "retract")):
        code, said, _ = _in_fork(lambda: _command(work.arguments), folder=folder)
        assert code == 0, f"the command does not work any more: {said}"
    info = _in_fork(lambda: _command(("kb", "info", "kb", "--json")), folder=folder)
    assert info[0] == 0, f"kb info does not work any more: {info[1]}"
    assert _in_fork(lambda: _state(Path("kb")), folder=folder) == new, (
        "not the new state after the command was repeated"
    )
    if not done:
        left = _leftovers(folder)
        assert not left, f"left behind: {left}"
    return "new" if found == new else "old"


def storm(kills: int, seed: int, root: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Kill so many commands; what was found, and what was lost."""
    works = prepare(root)
    chance = random.Random(seed)
    expected: dict[str, tuple[Any, Any, float, int, float, int]] = {}
    for work in works:
        old = _in_fork(lambda: _state(Path("kb")), folder=work.before)
        for number in range(2):  # the first run may have to compile
            place = root / f"undisturbed-{number}"
            shutil.copytree(work.before, place)
            begun = time.perf_counter()
            code, said, steps = _in_fork(lambda w=work: _command(w.arguments), folder=place)
            seconds = time.perf_counter() - begun
            if code:
                raise RuntimeError(f"{work.name}: {said}")
            new = _in_fork(lambda: _state(Path("kb")), folder=place)
            shutil.rmtree(place)
        place = root / "undisturbed-commit"
        shutil.copytree(work.before, place)
        expected[work.name] = old, new, seconds, steps, *_commit(work, place)
        shutil.rmtree(place)
    zero = dict.fromkeys(("kills", "old", "new", "before", "within", "after"), 0)
    counts: dict[str, dict[str, float]] = {
        work.name: {**zero, "seconds": expected[work.name][2], "commit_seconds": expected[work.name][4]}
        for work in works
    }
    lost: list[dict[str, str]] = []
    done = attempts = 0
    while done < kills:
        work = works[done % len(works)]
        old, new, seconds, steps, commit, whole = expected[work.name]
        turn = (done // len(works)) % 4
        aimed = turn % 2 == 1
        by_clock = aimed or turn == 0 or not steps
        place = root / f"trial-{done}"
        shutil.copytree(work.before, place)
        after = chance.uniform(0, commit if aimed else seconds) if by_clock else None
        die_at = None if by_clock else chance.randint(1, steps)
        attempts += 1
        if attempts > 20 * kills:
            raise RuntimeError("the commands end before they can be killed")
        phase = _killed(work, place, after=after, die_at=die_at, aimed=aimed, whole=whole)
        if phase is None:
            shutil.rmtree(place)
            continue
        since = f" of the commit ({phase} it)" if aimed else ""
        moment = f"after {after:.4f} s{since}" if after is not None else f"at step {die_at} of {steps}"
        try:
            state = trial(work, place, old, new)
        except (AssertionError, RuntimeError) as error:
            lost.append({"command": work.name, "killed": moment, "problem": str(error), "kept": str(place)})
            say(f"{work.name}, killed {moment}: {error}")
        else:
            counts[work.name][state] += 1
            shutil.rmtree(place)
        counts[work.name]["kills"] += 1
        counts[work.name][phase] += 1
        done += 1
    return {"kills": kills, "seed": seed, "lost": lost, "commands": counts}


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="new folder in which what was lost is kept")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.keep or Path(scratch) / "storm"
        begun = time.perf_counter()
        report = storm(options.kills, options.seed, root.resolve(), lambda text: print(text, file=sys.stderr))
        report["seconds"] = time.perf_counter() - begun
    if options.json:
        json.dump(report, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        print(
            f"{'command':<16} {'one run s':>9} {'commit s':>9} {'kills':>6} {'before':>7} {'within':>7} {'after':>6}"
            f" {'old state':>10} {'new state':>10}"
        )
        for name, row in report["commands"].items():
            print(
                f"{name:<16} {row['seconds']:9.3f} {row['commit_seconds']:9.4f} {row['kills']:6d} {row['before']:7d} "
                f"{row['within']:7d} {row['after']:6d} {row['old']:10d} {row['new']:10d}"
            )
        print(f"{report['kills']} kills in {report['seconds']:.0f} s, {len(report['lost'])} with something lost")
    sys.exit(1 if report["lost"] else 0)


if __name__ == "__main__":
    main()
