"""Image annotations as individuals of a knowledge base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

from ..ontology.errors import DataError, UsageError, near_matches
from ..ontology.iris import encode_segment
from ..ontology.kb import KB
from ..ontology.vocabulary import ADE20K, DCT, LABEL, OWL, SUBCLASS, TYPE, XSD, nl
from .ade20k import read_ade20k
from .annotation import AnnotatedImage, AnnotatedObject, BadFile
from .annotation_csv import read_annotation_csv
from .coco import read_coco
from .imagefolder import read_imagefolder
from .linking import Link, Linker
from .visual_genome import read_visual_genome

_INDIVIDUAL = NamedNode(OWL + "NamedIndividual")
_CLASS = NamedNode(OWL + "Class")
_OBJECT_PROPERTY = NamedNode(OWL + "ObjectProperty")
_ANNOTATION_PROPERTY = NamedNode(OWL + "AnnotationProperty")
_IDENTIFIER = NamedNode(DCT + "identifier")
_BOOLEAN, _INTEGER = NamedNode(XSD + "boolean"), NamedNode(XSD + "integer")


READERS = {
    "ade20k": read_ade20k,
    "coco": read_coco,
    "visual-genome": read_visual_genome,
    "imagefolder": read_imagefolder,
    "csv": read_annotation_csv,
}
"""Readers of annotation formats, by name."""

_SURE = 0.7
"""Confidence from which on a link is preferred to that of a name before it."""
_SYNSET = re.compile(r"(.+)\.[nvasr]\.\d+")


@dataclass(frozen=True)
class AnnotationReport:
    """What :func:`annotate` wrote.

    Attributes
    ----------
    dataset
        Name of the data set.
    images, objects
        Numbers of individuals.
    links
        Each name that was used, with its class or None.
    changed
        False when the knowledge base already held exactly this.
    """

    dataset: str
    images: int
    objects: int
    links: tuple[Link, ...]
    changed: bool

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Names that became classes of the data set's own namespace."""
        return tuple(link.name for link in self.links if link.iri is None)


def annotate(
    kb: KB,
    images: Sequence[AnnotatedImage],
    *,
    dataset: str,
    origin: str | Path,
    mapping: Sequence[Link] | None = None,
    property_iri: str | None = None,
    base: str = ADE20K,
) -> AnnotationReport:
    """Write annotated images into the graph ``abox/<dataset>``, in place of an earlier version of it.

    Each image and each object becomes an individual, joined by an object property. An object is an instance
    of the class of its first name that has one, names whose meaning was guessed (by a confidence below 0.7)
    coming last; when none has, its preferred name becomes a class in the data set's own namespace, so that no
    annotation is lost. The same holds for an image and its scene, and for the broader names of an object: own
    classes become sub-classes of what is broader, while objects that have a class of the knowledge base become
    instances of it, so that nothing is told of the knowledge base's own classes. A relation between objects
    becomes an object property in the data set's namespace.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    images
        What the annotators said.
    dataset
        Name of the data set.
    origin
        Where the annotations came from.
    mapping
        Links to use; made from the knowledge base's class titles when omitted.
    property_iri
        The property that joins an image and its objects; by default the knowledge base's own
        ``imageContains`` if it has exactly one, else that of Dalal et al.
    base
        Base IRI of the individuals, see :func:`individual_base`.

    Raises
    ------
    UsageError
        The mapping names a class that the knowledge base does not have.
    DataError
        An IRI cannot be made from `base`.
    """
    names = {n for image in images for obj in image.objects for n in (*obj.names, *obj.broader)}
    names.update(image.scene for image in images if image.scene)
    if mapping is None:
        links = Linker(kb).link_all(names)
    else:
        for link in mapping:
            if link.iri is not None and link.iri not in kb.index.classes:
                raise UsageError(
                    f"the mapping links {link.name!r} to a class that the knowledge base does not have",
                    where=link.iri,
                    hint="correct the object_id, or write sssom:NoTermFound",
                )
        given = {link.name: link for link in mapping}
        links = [given.get(name, Link(name, None)) for name in sorted(names)]
    writer = _Writer(_namespace(kb, dataset), links, property_iri or contains_property(kb), base)
    _, changed = kb.put_graph("abox", dataset, writer.triples(images), origin=str(origin))
    used = tuple(link for link in links if link.name in writer.used)
    return AnnotationReport(dataset, len(images), sum(len(image.objects) for image in images), used, changed)


def read_annotations(
    kind: str, path: str | Path, *, skip_bad: bool = False
) -> tuple[list[AnnotatedImage], list[BadFile]]:
    """Read annotations of a format given by name.

    Raises
    ------
    UsageError
        There is no such format, or the path holds none of it.
    DataError
        Files are broken and `skip_bad` is not set.
    """
    if kind not in READERS:
        raise UsageError(f"there is no annotation format {kind!r}", hint=near_matches(kind, READERS))
    return READERS[kind](path, skip_bad=skip_bad)


def contains_property(kb: KB) -> str:
    """IRI of the knowledge base's only property called ``imageContains``, or the one of Dalal et al."""
    found = [p for p in kb.index.properties if p.endswith(("#imageContains", "/imageContains"))]
    return found[0] if len(found) == 1 else ADE20K + "imageContains"


def individual_base(kb: KB, kind: str, dataset: str) -> str:
    """Usual base IRI of individuals: that of Dalal et al. for ADE20K, else one of the data set's own.

    Other data sets number their images, so that a shared base would make one individual of two images.
    """
    return ADE20K if kind == "ade20k" else f"{_namespace(kb, dataset)}individual/"


def _namespace(kb: KB, dataset: str) -> str:
    return f"{kb.base}dataset/{encode_segment(dataset)}/"


class _Writer:
    """Writes the triples of one data set, image by image, each triple once."""

    def __init__(self, own: str, links: Sequence[Link], property_iri: str, base: str) -> None:
        self.used: set[str] = set()
        self._declared: set[Triple] = set()
        self._about: dict[Triple, None] = {}  # the image at hand
        self._iri = {link.name: link.iri for link in links if link.iri is not None}
        self._sure = {link.name for link in links if link.confidence >= _SURE}
        self._base = base
        self._own = own
        self._property_iri = property_iri
        self._properties: dict[str, NamedNode] = {}

    def triples(self, images: Iterable[AnnotatedImage]) -> Iterator[Triple]:
        """What annotators said of the images, and which classes and properties that needs.

        Raises
        ------
        DataError
            An IRI cannot be made.
        """
        try:
            self._contains = NamedNode(self._property_iri)
            self._declare(self._contains, TYPE, _OBJECT_PROPERTY)
            for own in ("attribute", "occluded", "partLevel"):
                self._declare(nl(own), TYPE, _ANNOTATION_PROPERTY)
            self._declare(nl("partOf"), TYPE, _OBJECT_PROPERTY)
            yield from self._about
            self._about.clear()
            for image in images:
                self._add_image(image)
                yield from self._about
                self._about.clear()
        except ValueError as error:
            raise DataError(f"cannot make IRIs ({error})", where=self._base, expected="an absolute IRI") from error

    def _add_image(self, image: AnnotatedImage) -> None:
        subject = NamedNode(self._base + encode_segment(image.id))
        self._individual(subject, image.id)
        if image.scene:
            self._add(subject, TYPE, self._class((image.scene,))[0])
        nodes = {
            obj.id: NamedNode(f"{self._base}obj_{encode_segment(obj.id)}_{encode_segment(image.id)}")
            for obj in image.objects
        }
        for obj in image.objects:
            node = nodes[obj.id]
            self._add(subject, self._contains, node)
            self._object(node, obj)
            if obj.part_of is not None and obj.part_of in nodes:
                self._add(node, nl("partOf"), nodes[obj.part_of])
            for relation in obj.relations:
                self._add(node, self._property(relation.predicate), nodes[relation.target])

    def _object(self, node: NamedNode, obj: AnnotatedObject) -> None:
        self._add(node, TYPE, _INDIVIDUAL)
        kind, is_own = self._class(obj.names)
        self._add(node, TYPE, kind)
        for name in obj.broader:
            above, above_is_own = self._class((name,))
            if above != kind:
                # Only of own classes may the data set say what they are kinds of.
                if is_own:
                    self._declare(kind, SUBCLASS, above)
                else:
                    self._add(node, TYPE, above)
            kind, is_own = above, above_is_own
        for attribute in obj.attributes:
            self._add(node, nl("attribute"), Literal(attribute))
        if obj.occluded is not None:
            self._add(node, nl("occluded"), Literal(str(obj.occluded).lower(), datatype=_BOOLEAN))
        if obj.part_level:
            self._add(node, nl("partLevel"), Literal(str(obj.part_level), datatype=_INTEGER))

    def _individual(self, node: NamedNode, identifier: str) -> None:
        self._add(node, TYPE, _INDIVIDUAL)
        # File names may hold bytes that are no text; the IRI has them all.
        text = identifier.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        self._add(node, _IDENTIFIER, Literal(text))

    def _class(self, names: Sequence[str]) -> tuple[NamedNode, bool]:
        """Class of the first name that surely has one, else that has one, else an own one; and whether it is own."""
        linked = [name for name in names if name in self._iri]
        if linked:
            name = next((n for n in linked if n in self._sure), linked[0])
            self.used.add(name)
            return NamedNode(self._iri[name]), False
        self.used.add(names[0])
        own = NamedNode(f"{self._own}class/{encode_segment(names[0].replace(' ', '_'))}")
        synset = _SYNSET.fullmatch(names[0])
        self._declare(own, TYPE, _CLASS)
        self._declare(own, LABEL, Literal(synset[1].replace("_", " ") if synset else names[0]))
        return own, True

    def _property(self, predicate: str) -> NamedNode:
        known = self._properties.get(predicate)
        if known is None:
            known = NamedNode(f"{self._own}property/{encode_segment(predicate.replace(' ', '_'))}")
            self._properties[predicate] = known
            self._declare(known, TYPE, _OBJECT_PROPERTY)
            self._declare(known, LABEL, Literal(predicate))
        return known

    def _add(self, subject: NamedNode, predicate: NamedNode, obj: NamedNode | Literal) -> None:
        self._about[Triple(subject, predicate, obj)] = None

    def _declare(self, subject: NamedNode, predicate: NamedNode, obj: NamedNode | Literal) -> None:
        """Add what is not of one image alone, if that has not been said."""
        triple = Triple(subject, predicate, obj)
        if triple not in self._declared:
            self._declared.add(triple)
            self._about[triple] = None
