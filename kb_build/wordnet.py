"""WordNet's nouns as a source of a knowledge base, read from the database files of wndb(5WN)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple

from ..ontology.errors import DataError, UsageError
from ..ontology.iris import encode_segment
from ..ontology.kb import KB, Source
from ..ontology.staging import refuse_existing
from ..ontology.vocabulary import DATA, LABEL, NEURONTOLOGY, SKOS
from .concept_graph import REMOVED, ConceptGraph

_ALT_LABEL, _HIDDEN_LABEL = NamedNode(SKOS + "altLabel"), NamedNode(SKOS + "hiddenLabel")
_NOTATION, _DEFINITION = NamedNode(SKOS + "notation"), NamedNode(SKOS + "definition")
_VERSION = re.compile(r"WordNet (\d+(?:\.\d+)*) Copyright")
_HYPERNYMS = ("@", "@i")


@dataclass(frozen=True, slots=True)
class Synset:
    """A set of nouns that mean the same.

    Attributes
    ----------
    offset
        Byte offset in ``data.noun``, which identifies it within one version of WordNet.
    words
        Its words with underscores for spaces, the most typical first.
    above
        Offsets of its hypernyms, and of what it is an instance of.
    gloss
        Its definition, with examples.
    """

    offset: int
    words: tuple[str, ...]
    above: tuple[int, ...]
    gloss: str


def build_wordnet(folder: str | Path, out: str | Path, *, base: str = DATA) -> KB:
    """Build a knowledge base from the nouns of WordNet.

    Each synset becomes a class. Its IRI ends in the synset's name, as NLTK and Visual Genome write it:
    first word, part of speech, number of the sense ("plant.n.02"); the version of WordNet precedes it, because
    the numbers differ between versions. The first word is the ``rdfs:label``, the others are
    ``skos:altLabel``; ``skos:hiddenLabel`` has the names that would result from the others, ``skos:notation``
    the offset as ImageNet writes it ("n00017222"), ``skos:definition`` the gloss. Hypernyms become
    super-classes, and so does what a synset is an instance of ("Paris" is a "national capital").

    Parameters
    ----------
    folder
        Folder with ``data.noun`` and ``index.noun``, such as ``/usr/share/wordnet`` of Debian's
        ``wordnet-base``.
    out
        Directory to make.
    base
        Base IRI of what the knowledge base records.

    Raises
    ------
    UsageError
        The folder lacks the files, or `out` is not empty.
    DataError
        A line is broken, the two files do not fit each other, or the version is not stated.
    """
    data, index = Path(folder, "data.noun"), Path(folder, "index.noun")
    for file in (data, index):
        if not file.is_file():
            raise UsageError(
                "the file does not exist",
                where=file,
                expected="WordNet's database files",
                hint="on Debian install wordnet-base and give /usr/share/wordnet",
            )
    refuse_existing(Path(out))
    version = _version(data)
    synsets = {synset.offset: synset for synset in read_synsets(data)}
    senses = read_senses(index)
    _check(synsets, senses, data, index)
    with tempfile.TemporaryDirectory() as scratch:
        triples, removed = Path(scratch, "wordnet.nt"), Path(scratch, REMOVED)
        namespace = f"{NEURONTOLOGY}wordnet/{version}/"
        iris = {s.offset: namespace + encode_segment(_sense_name(s.words[0], s, senses)) for s in synsets.values()}
        graph = ConceptGraph()
        with triples.open("wb") as written:
            for synset in synsets.values():
                graph.add(iris[synset.offset])
                for above in synset.above:
                    graph.link(iris[synset.offset], iris[above])
                node = NamedNode(iris[synset.offset])
                written.writelines(f"{t} .\n".encode() for t in _described(node, synset, senses))
            cut = graph.break_cycles()
            written.writelines(f"{triple} .\n".encode() for triple in graph.axioms(cut))
        graph.write_removed(cut, removed)
        source = Source(
            name=f"wordnet-{version}",
            path=triples,
            format=RdfFormat.N_TRIPLES,
            origin=str(data),
            removed_edges=len(cut.removed),
            attachments=((REMOVED, removed),),
        )
        return KB.create(out, [source], base=base)


def read_synsets(file: Path) -> Iterator[Synset]:
    """Read the synsets of ``data.noun``.

    Raises
    ------
    DataError
        A line does not have the format of wndb(5WN), or does not stand at the offset that it states.
    """
    position = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.startswith(b"  "):
                try:
                    synset = _synset(line.decode("utf-8"))
                except (ValueError, IndexError) as error:
                    raise DataError(
                        f"is no synset ({error})", where=f"{file}:{number}", expected="a line as in wndb(5WN)"
                    ) from error
                if synset.offset != position:
                    raise DataError(
                        f"states the offset {synset.offset:08} and stands at {position:08}",
                        where=f"{file}:{number}",
                        hint="the file was changed, perhaps its line ends: install it again",
                    )
                yield synset
            position += len(line)


def read_senses(file: Path) -> dict[str, tuple[int, ...]]:
    """Read ``index.noun``: for each word, in lower case, the offsets of its synsets, the most frequent first.

    Raises
    ------
    DataError
        A line does not have the format of wndb(5WN).
    """
    senses: dict[str, tuple[int, ...]] = {}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith(b"  "):
                continue
            try:
                fields = line.decode("utf-8").split()
                count = int(fields[2])
                # word, part of speech, count, pointers, …, count again, tagged senses, offsets
                if fields[1] != "n" or len(fields) != 6 + int(fields[3]) + count or int(fields[-count - 2]) != count:
                    raise ValueError("the counts do not fit the fields")
                senses[fields[0]] = tuple(map(int, fields[-count:]))
            except (ValueError, IndexError) as error:
                raise DataError(
                    f"is no index entry ({error})", where=f"{file}:{number}", expected="a line as in wndb(5WN)"
                ) from error
    return senses


def _synset(line: str) -> Synset:
    if not line.endswith("\n"):
        raise ValueError("the line is cut short")
    head, bar, gloss = line.partition(" | ")
    fields = head.split()
    if not bar or fields[2] != "n":
        raise ValueError("no gloss" if not bar else f"part of speech {fields[2]!r}")
    words = tuple(fields[4 : 4 + 2 * int(fields[3], 16) : 2])
    rest = fields[4 + 2 * len(words) :]
    if not words or len(rest) != 1 + 4 * int(rest[0]):
        raise ValueError("the counts do not fit the fields")
    pointers = zip(rest[1::4], rest[2::4], rest[3::4], strict=True)
    above = tuple(int(offset) for symbol, offset, pos in pointers if symbol in _HYPERNYMS and pos == "n")
    return Synset(int(fields[0]), words, above, gloss.strip())


def _version(data: Path) -> str:
    with data.open("rb") as file:
        found = _VERSION.search(file.read(4096).decode("utf-8", errors="replace"))
    if found is None:
        raise DataError("does not state its version", where=data, expected="WordNet's licence at the beginning")
    return found[1]


def _check(synsets: Mapping[int, Synset], senses: Mapping[str, tuple[int, ...]], data: Path, index: Path) -> None:
    if not synsets:
        raise DataError("holds no synset", where=data)
    for synset in synsets.values():
        absent = next((a for a in synset.above if a not in synsets), None)
        if absent is not None:
            raise DataError(f"refers to the hypernym {absent:08}, which is absent", where=f"{data}, {synset.offset:08}")
        for word in synset.words:
            if synset.offset not in senses.get(word.lower(), ()):
                raise DataError(
                    f"lacks the sense {synset.offset:08} of {word!r}",
                    where=index,
                    expected=f"the index of {data}",
                )


def _sense_name(word: str, synset: Synset, senses: Mapping[str, tuple[int, ...]]) -> str:
    return f"{word.lower()}.n.{senses[word.lower()].index(synset.offset) + 1:02}"


def _described(node: NamedNode, synset: Synset, senses: Mapping[str, tuple[int, ...]]) -> Iterator[Triple]:
    first, *others = (word.replace("_", " ") for word in synset.words)
    yield Triple(node, LABEL, Literal(first, language="en"))
    for word in others:
        yield Triple(node, _ALT_LABEL, Literal(word, language="en"))
    for word in synset.words[1:]:
        yield Triple(node, _HIDDEN_LABEL, Literal(_sense_name(word, synset, senses)))
    yield Triple(node, _NOTATION, Literal(f"n{synset.offset:08}"))
    yield Triple(node, _DEFINITION, Literal(synset.gloss, language="en"))
