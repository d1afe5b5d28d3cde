"""Finding the knowledge base that a problem file names, although files have moved since it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from ..ontology.errors import UsageError
from .problem import LearningProblem

SIBLINGS = ("owl", "kb")
"""Folders beside the problem file or one of its ancestors in which ontologies are looked for."""

ANCESTORS = 5
"""Folders upwards from the problem file that are looked at, its own the first."""


def find_knowledge(problem: LearningProblem) -> tuple[Path, ...]:
    """Find the knowledge base files of a problem.

    Each is looked for as it is written (from the problem file's folder, then from the working directory),
    then by its name alone in the problem file's folder, then in a folder called like the one it is written
    with, beside the problem file's folder or up to three levels above that, and at last by its name alone in
    the folders ``owl/`` and ``kb/`` of the problem file's folder or one up to four levels above, at most one
    folder deep in them. Wherever a file is looked for, a packed one
    (``.gz``) does as well; for a ``.kb`` file that is nowhere, so does the ``.owl`` file of the same stem.
    Nothing is downloaded: of a URL, the last part is looked for.

    Raises
    ------
    UsageError
        A file is nowhere (the message lists where it was looked for), several files of its name are equally
        near, or the problem names none.
    """
    if not problem.knowledge:
        raise UsageError(
            f"the problem {problem.name!r} names no knowledge base",
            where=problem.origin,
            hint="give one with --kb",
        )
    return tuple(_find(written, problem.origin) for written in problem.knowledge)


def _find(written: str, origin: Path) -> Path:
    names = [written]
    if written.lower().endswith(".kb"):
        names.append(f"{written[:-3]}.owl")
    tried: dict[str, None] = {}
    for name in names:
        for places in _places(name, origin):
            found = [path for place in places for path in (place, Path(f"{place}.gz")) if _is_file(path)]
            found = _nearest(found, origin)
            if len(found) > 1:
                raise UsageError(
                    f"several files could be the knowledge base {written!r}: {', '.join(map(str, found))}",
                    where=origin,
                    hint="choose one with --kb",
                )
            if found:
                return found[0]
            tried |= dict.fromkeys(map(str, places))
    raise UsageError(
        f"the knowledge base {written!r} was not found; tried, also with .gz: {', '.join(tried)}",
        where=origin,
        hint="give it with --kb",
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a folder that may not be entered, or no possible path at all, holds no readable file


def _places(written: str, origin: Path) -> Iterator[list[Path]]:
    """Where a file may be, the likeliest first; places of one list are equally likely."""
    folder = origin.resolve().parent
    local = written
    if written.startswith("file:"):
        local = unquote(written.removeprefix("file:").removeprefix("//"))
    if "://" not in local:
        local = local.replace("\\", "/")
        yield [folder / local]
        if not Path(local).is_absolute():
            yield [Path.cwd() / local]
    # A path of another machine: its last parts, whichever way its slashes lean.
    parts = [part for part in PureWindowsPath(local).parts if part not in ("..", ".")]
    name = PureWindowsPath(local).name
    if not name:
        return
    yield [folder / name]
    ancestors = (folder, *folder.parents)[:ANCESTORS]
    if "://" not in local and len(parts) > 1:
        for ancestor in ancestors[1:]:
            yield [ancestor / parts[-2] / name]
    for ancestor in ancestors:
        for sibling in SIBLINGS:
            beside = ancestor / sibling
            yield [beside / name]
            if beside.is_dir():
                yield [child / name for child in sorted(beside.iterdir()) if child.is_dir()]


def _nearest(found: list[Path], origin: Path) -> list[Path]:
    """Prefer what is not packed, and folders whose name stands in the problem's path, too."""
    distinct = [path for path in found if path.suffix != ".gz" or path.with_suffix("") not in found]
    of_family = [path for path in distinct if path.parent.name in origin.resolve().parent.parts]
    return of_family or distinct
