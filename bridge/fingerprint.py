"""What the label of a unit depends on, in short: equal fingerprints, equal labels.

A search sees of the atoms only which of them differ on the unit's examples, how long they are, in what order they
are preferred, and how they are called. That is what is hashed. Atoms that hold for none of the examples are kept
apart: they can matter only to a solution that holds for none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..ontology.expression import ClassExpression, named_classes, properties
from ..ontology.names import NameTable
from ..reasoner.atoms import AtomTable, pack

DIGEST = 16  # bytes of a digest of expressions or of an extension
BLOCK_BYTES = 1 << 22  # of extensions that are looked at in one go


@dataclass(frozen=True)
class Fingerprint:
    """Digests of a unit's problem.

    Attributes
    ----------
    atoms
        Of the atoms that hold for at least one example, and of the examples; SHA-256, hexadecimal.
    absent
        Of the atoms that hold for none.
    """

    atoms: str
    absent: str


class Fingerprints:
    """Fingerprints over one table of atoms.

    Parameters
    ----------
    atoms
        The atoms, with their extensions over the images used.
    images
        Digest of the images' ids and of the language of the atoms.
    words
        uint8, shape (atoms, 16): digests of the expressions that each atom stands for.
    """

    def __init__(self, atoms: AtomTable, images: bytes, words: NDArray[np.uint8]) -> None:
        self.images = images
        self.words = words
        self._size = len(atoms.rows)
        self._lengths = atoms.lengths
        self._order = np.argsort(atoms.priorities, kind="stable")
        self._extents = atoms.extents

    @classmethod
    def of_layer(cls, atoms: AtomTable, images: Sequence[str], names: NameTable) -> Fingerprints:
        """Fingerprints over the atoms of a layer.

        Parameters
        ----------
        atoms
            The atoms.
        images
            Ids of the images, one for each bit of an extension.
        names
            Names by which the knowledge base calls the entities.
        """
        language = repr((__version__, atoms.depth, atoms.truncated))
        digest = hashlib.sha256("\n".join([language, *images]).encode("utf-8", "surrogateescape")).digest()
        words = b"".join(_words(atoms, names))
        return cls(atoms, digest, np.frombuffer(words, np.uint8).reshape(len(atoms), DIGEST))

    def of(
        self, positives: NDArray[np.integer], negatives: NDArray[np.integer], *, all_images: bool = False
    ) -> Fingerprint:
        """Fingerprint of a problem with these examples, as bit positions.

        A solution's AUROC depends on the images that are in neither set, too; with ``all_images`` so does which
        expressions are solutions.
        """
        sides = np.zeros((2, self._size), np.bool_)
        sides[0, positives] = True
        sides[1, negatives] = True
        masks = pack(sides)
        seen = None if all_images else masks[0] | masks[1]
        present, keys = self._extensions(seen)
        chosen = self._shortest_of_each(keys, np.flatnonzero(present))
        kept, absent = hashlib.sha256(self.images + masks.tobytes()), hashlib.sha256()
        for start in range(0, len(chosen), self._step):
            kept.update(self._extents[chosen[start : start + self._step]].tobytes())
        kept.update(self._lengths[chosen].tobytes())
        kept.update(self.words[chosen].tobytes())
        absent.update(self.words[self._order[~present[self._order]]].tobytes())
        return Fingerprint(kept.hexdigest(), absent.hexdigest())

    @property
    def _step(self) -> int:
        """Rows that are looked at in one go: what this takes does not grow with the images."""
        return max(1, BLOCK_BYTES // (8 * max(1, int(self._extents.shape[1]))))

    def _extensions(self, among: NDArray[np.uint64] | None) -> tuple[NDArray[np.bool_], NDArray[np.void]]:
        """Whether each atom holds for any of the images, and the digest of those that it holds for."""
        atoms = len(self._extents)
        present, keys = np.empty(atoms, np.bool_), np.empty(atoms, np.dtype((np.void, DIGEST)))
        for start in range(0, atoms, self._step):
            rows = self._extents[start : start + self._step]
            rows = np.ascontiguousarray(rows if among is None else rows & among)
            present[start : start + len(rows)] = rows.any(axis=1)
            for i, row in enumerate(rows, start):
                keys[i] = np.void(hashlib.blake2b(row, digest_size=DIGEST).digest())
        return present, keys

    def _shortest_of_each(self, keys: NDArray[np.void], among: NDArray[np.int64]) -> NDArray[np.int64]:
        """Atoms that are the shortest with their extension on the examples, in the order of preference.

        Longer ones with the same extension never enter a solution.
        """
        _, group = np.unique(keys[among], return_inverse=True)
        shortest = np.full(int(group.max(initial=-1)) + 1, np.iinfo(np.int32).max, np.int32)
        np.minimum.at(shortest, group, self._lengths[among])
        winners = np.zeros(len(keys), np.bool_)
        winners[among[self._lengths[among] == shortest[group]]] = True
        return self._order[winners[self._order]]


def _words(atoms: AtomTable, names: NameTable) -> list[bytes]:
    """Digest of the expressions that an atom stands for, with the names of the entities in them."""
    called: dict[str, str] = {}

    def words(expression: ClassExpression) -> str:
        entities = (*named_classes(expression), *properties(expression))
        for iri in entities:
            if iri not in called:
                called[iri] = f"{names.short(iri)}\0{names.label(iri)}"
        return "\0".join([repr(expression), *(called[iri] for iri in entities)])

    return [
        hashlib.blake2b("\1".join(map(words, (expression, *others))).encode(), digest_size=DIGEST).digest()
        for expression, others in zip(atoms.expressions, atoms.equivalents, strict=True)
    ]
