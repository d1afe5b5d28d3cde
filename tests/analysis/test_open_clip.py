"""open_clip with a small model of random weights; its packages installed, or in the folder NEURONTOLOGY_OPEN_CLIP."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "support" / "open_clip_program.py"


def test_open_clip_of_a_file(tmp_path: Path) -> None:
    folder = os.environ.get("NEURONTOLOGY_OPEN_CLIP")
    if folder is None and importlib.util.find_spec("open_clip") is None:
        pytest.skip("open_clip_torch is not installed, and NEURONTOLOGY_OPEN_CLIP names no folder that has it")
    path = [folder] if folder is not None else []
    if "PYTHONPATH" in os.environ:
        path.append(os.environ["PYTHONPATH"])
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] in ("operators declared", "torchvision fits")
