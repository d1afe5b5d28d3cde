"""The problems of a layer in a directory, which other processes open memory-mapped and solve unit by unit."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..ontology.errors import UsageError
from ..ontology.expression import ClassExpression
from ..reasoner.atoms import AtomTable, Lazy
from ..reasoner.shared_atoms import SharedAtoms, literal_order
from .fingerprint import Fingerprints
from .labelling import LayerProblems, UnitProblems

HEADER = "problems.json"
SETTINGS = "settings.pickle"


def store_problems(problems: LayerProblems, units: Sequence[int], folder: Path) -> None:
    """Write what it takes to label some units: the atoms, and the activations with a row for each unit.

    The atoms' expressions, one after another, and the settings are pickled: the directory is for processes that trust
    each other, as those of a cluster do.

    Parameters
    ----------
    problems
        The problems.
    units
        The units that will be asked for.
    folder
        An empty directory.
    """
    atoms, shared = problems.atoms, problems.shared
    arrays: dict[str, NDArray[Any]] = {
        "rows": atoms.rows,
        "extents": atoms.extents,
        "lengths": atoms.lengths,
        "priorities": atoms.priorities,
        "spans": shared.spans,
        "listed": shared.listed,
        "words": problems.fingerprints.words,
        "units": np.unique(np.asarray(units, np.int64)),
    }
    if shared.rows.shape != atoms.extents.shape:
        arrays["padded"] = shared.rows
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    _store_expressions(atoms, folder)
    _store_columns(problems, arrays["units"], folder)
    settings = problems.thresholds, problems.options
    (folder / SETTINGS).write_bytes(pickle.dumps(settings, protocol=pickle.HIGHEST_PROTOCOL))
    header = {
        "neurontology": __version__,
        "images": problems.fingerprints.images.hex(),
        "depth": atoms.depth,
        "truncated": atoms.truncated,
    }
    # Last, so that what has a header is whole.
    (folder / HEADER).write_text(json.dumps(header), encoding="utf-8")


def open_problems(folder: Path) -> UnitProblems:
    """Open what :func:`store_problems` wrote; what is not looked at does not take memory.

    Raises
    ------
    UsageError
        The directory is not there, or another version wrote it.
    """
    path = folder / HEADER
    if not path.is_file():
        raise UsageError("there are no stored problems", where=folder, expected=f"a directory with {HEADER}")
    header = json.loads(path.read_text(encoding="utf-8"))
    if header["neurontology"] != __version__:
        raise UsageError(
            f"the problems are those of neurontology {header['neurontology']}, this is {__version__}",
            where=folder,
            expected="the same version everywhere",
        )
    expressions, ends = _mapped(folder, "expressions"), _mapped(folder, "ends")

    def variants(atom: int) -> tuple[ClassExpression, ...]:
        start = int(ends[atom - 1]) if atom else 0
        loaded: tuple[ClassExpression, ...] = pickle.loads(expressions[start : int(ends[atom])].tobytes())
        return loaded

    lengths, priorities, extents = (_mapped(folder, name) for name in ("lengths", "priorities", "extents"))
    atoms = AtomTable(
        rows=_mapped(folder, "rows"),
        expressions=Lazy(len(extents), lambda atom: variants(atom)[0]),
        equivalents=Lazy(len(extents), lambda atom: variants(atom)[1:]),
        extents=extents,
        lengths=lengths,
        priorities=priorities,
        depth=header["depth"],
        truncated=header["truncated"],
    )
    values, units = _mapped(folder, "columns"), _mapped(folder, "units")
    problems = UnitProblems(
        atoms,
        Fingerprints(atoms, bytes.fromhex(header["images"]), _mapped(folder, "words")),
        lambda unit: np.asarray(values[np.searchsorted(units, unit)]),
        *pickle.loads((folder / SETTINGS).read_bytes()),
    )
    problems.shared = SharedAtoms(
        _mapped(folder, "padded") if (folder / "padded.npy").exists() else extents,
        _mapped(folder, "spans"),
        _mapped(folder, "listed"),
        (literal_order(lengths, priorities, False), literal_order(lengths, priorities, True)),
    )
    return problems


def _store_expressions(atoms: AtomTable, folder: Path) -> None:
    """Write every atom's expressions, the representative first, and where each atom's end."""
    ends = np.empty(len(atoms), np.int64)
    text = bytearray()
    for i, (expression, others) in enumerate(zip(atoms.expressions, atoms.equivalents, strict=True)):
        text += pickle.dumps((expression, *others), protocol=pickle.HIGHEST_PROTOCOL)
        ends[i] = len(text)
    np.save(folder / "expressions.npy", np.frombuffer(text, np.uint8))
    np.save(folder / "ends.npy", ends)


def _store_columns(problems: LayerProblems, units: NDArray[np.int64], folder: Path) -> None:
    """Write the activations turned round, so that a unit's stand together."""
    columns = np.lib.format.open_memmap(
        folder / "columns.npy", mode="w+", dtype=np.float32, shape=(len(units), len(problems.atoms.rows))
    )
    for start, block in problems.activation_blocks(units):
        columns[:, start : start + len(block)] = block.T
    columns.flush()


def _mapped(folder: Path, name: str) -> NDArray[Any]:
    """Map an array; the kernels take writable ones, so a write would stay in this process."""
    mapped = np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False)
    return np.asarray(mapped.view(np.ndarray))
