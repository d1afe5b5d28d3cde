"""The tables of `docs/architecture.md` name each module once, in the room where it lives."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## What lives in each room")[1]
ROOMS = dict(re.findall(r"\n### `(\w+)/`.*?\n(.*?)(?=\n##)", TEXT, re.DOTALL))


def named(room: str) -> Counter[str]:
    """Files and folders of a room as the first column names them; a folder before a colon is where they are."""
    found: Counter[str] = Counter()
    for cell in re.findall(r"^\| (`.*?) \|", ROOMS[room], re.MULTILINE):
        folder, colon, rest = cell.partition("`: ")
        names = re.findall(r"`([^`]+)`", rest if colon else cell)
        found.update(f"{folder[1:] if colon else ''}{name}" for name in names)
    return found


@pytest.mark.parametrize("room", ["ontology", "kb_build", "reasoner", "bridge", "analysis", "commands"])
def test_each_module_is_named_once(room: str) -> None:
    names = named(room)
    del names["cli.py"]
    assert [name for name, times in names.items() if times > 1] == []
    assert [name for name in names if not list((ROOT / room).glob(name))] == []
    covered = {path for name in names for path in (ROOT / room).glob(f"{name}**/*" if name.endswith("/") else name)}
    modules = {path for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py"}
    assert sorted(str(path.relative_to(ROOT)) for path in modules - covered) == []
