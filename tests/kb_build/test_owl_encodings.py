"""RDF/XML with what the store's parser lacks: other encodings, entities in single quotes."""

from pathlib import Path

import pytest
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import DataError

XML = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE rdf:RDF [ <!ENTITY ex 'http://a.org/#'> <!ENTITY owl "http://www.w3.org/2002/07/owl#"> ]>
<rdf:RDF xmlns:owl="&owl;" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<owl:Class rdf:about="&ex;Café"/>
</rdf:RDF>"""


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "ISO-8859-1", "windows-1252"])
def test_encodings_and_quotes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.owl"
    path.write_bytes(XML.format(encoding=encoding).encode(encoding))
    assert list(read_owl([path]).index.classes) == ["http://a.org/#Café"]


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.owl"
    for declared, written in (("us-ascii", "utf-8"), ("no-such", "utf-8")):
        path.write_bytes(XML.format(encoding=declared).encode(written))
        with pytest.raises(DataError, match="not text in the encoding it declares"):
            read_owl([path])
