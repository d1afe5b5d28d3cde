"""IRI tables against sorted lists, percent-encoding against the URL standard's decoder."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.ontology.iris import IriTable, encode_segment
from pyoxigraph import NamedNode


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8)))
def test_ids_are_positions_in_utf8_order(iris: list[str]) -> None:
    table = IriTable.from_iris(iris)
    expected = sorted(set(iris), key=str.encode)
    assert list(table) == expected
    assert [table.id(iri) for iri in expected] == list(range(len(expected)))
    assert [table[i] for i in range(len(table))] == expected
    for other in ("", "zzz", "\U0010ffff"):
        assert (table.id(other) is not None) == (other in expected) == (other in table)


def test_a_table_survives_the_disk(tmp_path: Path) -> None:
    table = IriTable.from_iris(["http://b", "http://ä", "http://a"])
    table.save(tmp_path, "classes")
    assert list(IriTable.load(tmp_path, "classes")) == list(table)


def test_an_index_beyond_the_table_is_an_error() -> None:
    with pytest.raises(IndexError):
        IriTable.from_iris(["a"])[1]


@given(st.text(st.characters(codec="utf-8")))
def test_an_encoded_segment_is_a_valid_iri_and_decodes_to_the_text(text: str) -> None:
    encoded = encode_segment(text)
    NamedNode("https://example.org/" + encoded)
    assert not set(encoded) & set('/?#[]<>"{}|\\^` ')
    assert unquote(encoded) == text
