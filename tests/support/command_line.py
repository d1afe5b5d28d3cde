"""The command line, run as a user runs it: in a process of its own, where every warning is an error."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command printed, and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "neurontology", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160", "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )


def succeed(*arguments: object, cwd: Path | None = None, **environment: str) -> str:
    """What a command printed that has to succeed."""
    result = run(*arguments, cwd=cwd, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def answer(*arguments: object, cwd: Path | None = None, **environment: str) -> Any:
    """The JSON document of a command that has to succeed."""
    return json.loads(succeed(*arguments, "--json", cwd=cwd, **environment))


def refuse(code: int, *arguments: object, cwd: Path | None = None, **environment: str) -> str:
    """The message of a command that has to fail with this exit code, and prints nothing else."""
    result = run(*arguments, cwd=cwd, **environment)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr
