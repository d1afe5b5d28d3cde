"""Links between the pages lead somewhere, and the pages speak of commands that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_local_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:docs|benchmarks|examples|tests)/[\w./-]+\.\w+)`", text):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = set(re.findall(r"neurontology ((?:kb build|kb|activations)? ?[a-z-]+)\b", text))
    shown = {c.strip() for c in shown if not c.startswith("demo ")}
    for command in shown & {
        "kb build owl", "kb build wikipedia", "kb annotate", "kb link", "kb info", "kb export", "kb extend",
        "kb check", "kb retract", "layers", "activations import", "induce", "label", "verify", "verify-table",
        "sparql", "report", "demo", "serve", "facets", "describe", "baselines", "ensembles", "sweep", "compare",
    }:  # fmt: skip
        result = subprocess.run(
            [sys.executable, "-m", "neurontology", *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, command
