"""Short names for IRIs and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.names import (
    NOTHING,
    THING,
    NameTable,
    bracketed,
    human_label,
    is_simple,
    local_name,
    lookup_in_namespaces,
    unbracketed,
)

WIKI = "http://en.wikipedia.org/wiki/Category:"
KB = "http://example.org/kb#"


@given(
    st.lists(
        st.tuples(st.sampled_from([KB, WIKI, "http://b.org/", "urn:x:", ""]), st.text(max_size=8)),
        max_size=12,
    )
)
def test_every_short_name_leads_back_to_its_iri_alone(parts):
    iris = [namespace + name for namespace, name in parts]
    table = NameTable(iris)
    shorts = {iri: table.short(iri) for iri in iris}
    assert len(set(shorts.values())) == len(set(iris))
    for iri, short in shorts.items():
        assert table.to_iri(short) == iri
        assert short == bracketed(iri) or is_simple(short)


def test_every_hostile_name_leads_back_to_its_iri(hostile_iris):
    table = NameTable(hostile_iris)
    assert [table.to_iri(table.short(iri)) for iri in hostile_iris] == hostile_iris


@pytest.mark.parametrize(
    ("iri", "local"),
    [
        (WIKI + "Road_vehicles", "Road_vehicles"),
        ("http://dbpedia.org/resource/Category:Caf%C3%A9s", "Caf%C3%A9s"),
        ("http://a.org/b#AC/DC", "AC/DC"),
        ("http://a.org/b/c", "c"),
        ("urn:isbn:12", "12"),
        ("http://a.org/b/", ""),
    ],
)
def test_local_names(iri, local):
    assert local_name(iri) == local


@pytest.mark.parametrize(
    ("iri", "label"),
    [
        (WIKI + "Road_vehicles", "Road vehicles"),
        (KB + "WN_Fluorescent_fixture", "Fluorescent fixture"),
        (KB + "Caf%C3%A9", "Café"),
        (KB + "100%25", "100%"),
        (KB + "bad%FF", "bad%FF"),
        (KB + "BodyOfWater", "BodyOfWater"),
        ("http://a.org/b/", "http://a.org/b/"),
    ],
)
def test_human_labels(iri, label):
    assert human_label(iri) == label


@pytest.mark.parametrize("word", ["and", "or", "not", "some", "only", "min", "max", "value", "null", "Thing"])
def test_keywords_are_never_written_bare(word):
    assert NameTable([KB + word]).short(KB + word) == f"<{KB}{word}>"


def test_a_name_shared_by_two_entities_is_written_in_full_and_ambiguous_when_read():
    table = NameTable([KB + "Road", "http://b.org/#Road", KB + "Car"])
    assert table.short(KB + "Road") == f"<{KB}Road>"
    assert table.short(KB + "Car") == "Car"
    with pytest.raises(UsageError, match=r"ambiguous.*2 entities.*<http://example.org/kb#Road>, <http://b.org/#Road>"):
        table.to_iri("Road")


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UsageError, match=r"no 'Raod'\. Did you mean Road"):
        NameTable([KB + "Road"]).to_iri("Raod")


def test_prefixes():
    table = NameTable([KB + "Sky", "http://b.org/#Sky"], prefixes={"k": KB, "": "http://b.org/#"})
    assert table.to_iri("k:Sky") == KB + "Sky"
    assert table.to_iri(":Sky") == "http://b.org/#Sky"
    with pytest.raises(UsageError, match=r"prefix of 'q:Sky' is not declared.*k:, :"):
        table.to_iri("q:Sky")
    with pytest.raises(UsageError, match=r"no 'k:Moon', i\.e\. <http://example.org/kb#Moon>"):
        table.to_iri("k:Moon")


def test_without_a_default_namespace_a_colon_changes_nothing():
    assert NameTable([KB + "Sky"]).to_iri(":Sky") == KB + "Sky"


def test_a_name_that_looks_prefixed_is_bracketed_only_where_the_prefix_exists():
    iri = WIKI + "Star_Trek:_Voyager"
    assert NameTable([iri]).short(iri) == "Star_Trek:_Voyager"
    table = NameTable([iri], prefixes={"Star_Trek": KB})
    assert table.short(iri) == f"<{iri}>"


def test_owl_thing_and_nothing_are_known_unless_the_table_has_its_own():
    table = NameTable([])
    assert (table.to_iri("Thing"), table.to_iri("owl:Nothing")) == (THING, NOTHING)
    assert NameTable([KB + "Thing"]).to_iri("Thing") == KB + "Thing"


def test_a_lookup_is_asked_only_for_the_names_that_occur():
    asked = []

    def exists(iri):
        asked.append(iri)
        return iri in {WIKI + "Road", KB + "Road", WIKI + "Car"}

    table = NameTable(lookup=lookup_in_namespaces([WIKI, KB], exists))
    assert table.short(WIKI + "Car") == "Car"
    assert table.short(KB + "Road") == f"<{KB}Road>"
    assert table.to_iri("Car") == WIKI + "Car"
    assert set(asked) == {WIKI + "Car", KB + "Car", WIKI + "Road", KB + "Road"}
    with pytest.raises(UsageError, match="there is no 'Cat'"):
        table.to_iri("Cat")


def test_labels_given_and_made_are_found_again():
    table = NameTable([KB + "n0123", KB + "Night_table"], label_of={KB + "n0123": "traffic light"}.get)
    assert table.label(KB + "n0123") == "traffic light"
    assert table.from_label("traffic light") == KB + "n0123"
    assert table.from_label("Night table") == KB + "Night_table"
    with pytest.raises(UsageError, match=r"no 'trafic light'\. Did you mean traffic light"):
        table.from_label("trafic light")


@given(st.text())
def test_brackets_lose_nothing(iri):
    written = bracketed(iri)
    assert unbracketed(written) == iri
    assert not set("<>") & set(written[1:-1])


def test_an_escape_beyond_unicode_is_refused():
    with pytest.raises(DataError, match="names no character"):
        unbracketed("<http://a.org/\\UFFFFFFFF>")
