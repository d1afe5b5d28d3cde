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


@given(known=st.lists(st.text("aäb/z", max_size=4)), more=st.lists(st.text("aäb/z", max_size=4)))
def test_tables_of_many_and_tables_with_more(known: list[str], more: list[str]) -> None:
    table, ids = IriTable.ranked(iri.encode() for iri in known)
    assert list(table) == sorted(set(known), key=str.encode)
    assert [table[k] for k in ids] == known
    larger, places = table.inserted(more)
    assert list(larger) == sorted({*known, *more}, key=str.encode)
    assert [larger[k] for k in places] == list(table)
    present = {iri: larger.id(iri) for iri in [*known, *more]}
    assert larger.ids([*known, *more, "absent"]) == present


def test_few_and_many_are_found_alike() -> None:
    names = [f"http://a.org/{k}" for k in range(1000)]
    table = IriTable.from_iris(names)
    for asked in (["http://a.org/7", "http://a.org/7x", "http://z", "a"], [*names[::2], "http://a.org/7x", "z"]):
        assert table.ids(asked) == {iri: table.id(iri) for iri in asked if iri in table}
        larger, places = table.inserted(asked)
        assert list(larger) == sorted({*names, *asked})
        assert [larger[k] for k in places] == list(table)


def test_a_segment_keeps_letters_and_encodes_what_cannot_be_seen() -> None:
    kept = "Azaz09-._~!$&'()*+,;=:@\u00c4\u5927\u0430"
    assert encode_segment(kept) == kept
    for character in (" ", "/", "%", "#", "?", "\n", "\u00a0", "\u200e", "\u2028", "\U0001f600"):
        assert encode_segment(f"a{character}b") == "a" + "".join(f"%{byte:02X}" for byte in character.encode()) + "b"
    assert encode_segment("\udcff") == "%FF"
