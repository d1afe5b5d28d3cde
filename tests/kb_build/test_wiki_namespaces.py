"""Wikis that call their categories something else: IRIs, the names people type, links, extensions, labels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import neurontology
import pytest
from neurontology.kb_build.annotate import annotate, read_annotations
from neurontology.kb_build.extension_file import read_extension
from neurontology.kb_build.linking import Linker
from neurontology.kb_build.siteinfo import Site, read_site
from neurontology.kb_build.wikipedia import WikipediaDumps
from neurontology.kb_build.wikipedia_kb import build_wikipedia
from neurontology.ontology.errors import DataError
from neurontology.ontology.extension import extend
from neurontology.ontology.kb import KB
from neurontology.ontology.names import local_name
from neurontology.ontology.sparql import run_query
from neurontology.ontology.vocabulary import nl

WIKI = Path(str(neurontology.__file__)).parent / "examples" / "wiki"
TABLES = ("page", "categorylinks", "linktarget", "page_props", "redirect")
NAMES = {"de": "Kategorie", "fr": "Catégorie", "ru": "Категория", "vi": "Thể loại", "en": "Category"}


def siteinfo(path: Path, language: str, category: object) -> Path:
    general = {
        "base": f"https://{language}.wikipedia.org/wiki/X",
        "wikiid": f"{language}wiki",
        "lang": language,
    }
    path.write_text(json.dumps({"query": {"general": general, "namespaces": {"0": {"*": ""}, "14": category}}}))
    return path


def built(tmp_path: Path, site: Site | None, *, articles: bool = False) -> KB:
    dumps = WikipediaDumps(**{table: WIKI / f"{table}.sql" for table in TABLES})
    return build_wikipedia(dumps, tmp_path / "kb", site=site, articles=articles)


@pytest.mark.parametrize("language", NAMES)
def test_categories_are_named_as_the_wiki_names_them(tmp_path: Path, language: str) -> None:
    site = read_site(siteinfo(tmp_path / "s.json", language, {"id": 14, "*": NAMES[language]}))
    kb = built(tmp_path, site)
    own = NAMES[language].replace(" ", "_")
    iri = f"https://{language}.wikipedia.org/wiki/{own}:Road_vehicles"
    assert iri in kb.index.classes
    assert kb.info()["category_namespaces"] == [iri.removesuffix("Road_vehicles")]
    assert local_name(iri) == "Road_vehicles" and kb.names.short(iri) == "Road_vehicles"
    assert kb.label(iri) == "Road vehicles"
    for typed in ("Road_vehicles", f"{own}:Road_vehicles", f"{own.upper()}:_Road_vehicles", "category:Road_vehicles"):
        assert kb.names.to_iri(typed) == iri
        assert kb.classes_called(typed.replace("_", " ")) == [iri]
    other = "Kategorie" if language == "fr" else "Catégorie"
    assert kb.classes_called(f"{other}:Road vehicles") == []


def test_both_versions_of_the_api_and_real_and_changed_xml(tmp_path: Path, shared_data: Path) -> None:
    assert read_site(siteinfo(tmp_path / "2.json", "fr", {"id": 14, "name": "Catégorie"})).category == "Catégorie"
    assert read_site(siteinfo(tmp_path / "n.json", "fr", None)).category == "Category"
    head = subprocess.run(
        ["bzcat", str(shared_data / "mediawiki-dumps/aawiki-20260101/aawiki-20260101-pages-meta-current.xml.bz2")],
        capture_output=True,
        check=True,
    ).stdout[:5000]
    (tmp_path / "aa.xml").write_bytes(head)
    assert read_site(tmp_path / "aa.xml").category_base == "https://aa.wikipedia.org/wiki/Category:"
    own = head.replace(b'"first-letter">Category<', '"first-letter">L&apos;étiquette<'.encode())
    assert own != head
    (tmp_path / "own.xml").write_bytes(own)
    assert read_site(tmp_path / "own.xml").category_base == "https://aa.wikipedia.org/wiki/L'étiquette:"


def test_a_namespace_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="calls the namespace of categories 'a:b'"):
        read_site(siteinfo(tmp_path / "s.json", "de", {"*": "a:b"}))


def test_a_real_wiki_with_names_of_its_own(tmp_path: Path, shared_data: Path) -> None:
    """The real dump of a MediaWiki of 2011, under the name that it would have in German."""
    folder = shared_data / "mediawiki-dumps/localwiki-2011"
    dumps = WikipediaDumps(page=folder / "page.sql", categorylinks=folder / "categorylinks.sql")
    site = read_site(siteinfo(tmp_path / "s.json", "de", {"*": "Kategorie"}))
    canonical = build_wikipedia(dumps, tmp_path / "plain", filters=None)
    own = build_wikipedia(dumps, tmp_path / "own", site=site, filters=None)
    plain = [local_name(iri) for iri in canonical.index.classes]
    assert plain and [local_name(iri) for iri in own.index.classes] == plain
    assert all(iri.startswith("https://de.wikipedia.org/wiki/Kategorie:") for iri in own.index.classes)
    assert (canonical.index.told.parents != own.index.told.parents).nnz == 0


def test_what_people_do_with_it(tmp_path: Path) -> None:
    built(tmp_path, Site("dewiki", "https://de.wikipedia.org/wiki/", "de", "Kategorie"))
    kb = KB.open(tmp_path / "kb", writable=True)
    (cars,) = kb.classes_called("Cars")
    # A table may write the namespace or not, for known and for new classes.
    (tmp_path / "e.csv").write_text(
        "child,parent\nKategorie:Taxis: yellow,Kategorie:Cars\nTaxis: yellow,Category:Trees\n"
        "Kategorie:Vans: blue,Kategorie:Taxis: yellow\n"
    )
    statements = read_extension(tmp_path / "e.csv", kb)
    assert extend(kb, statements).conforms
    (taxis,) = kb.classes_called("Taxis: yellow")
    assert taxis.endswith("extension/e#Taxis:_yellow") and kb.label(taxis) == "Taxis: yellow"
    index = kb.index
    above = index.told.parents[index.classes.id(taxis)].indices
    assert sorted(local_name(index.classes[i]) for i in above) == ["Cars", "Trees"]
    # Annotations and links.
    (tmp_path / "a.csv").write_text("image,object\n1.jpg,car\n1.jpg,Kategorie:Road vehicles\n2.jpg,tree\n")
    images, _ = read_annotations("csv", tmp_path / "a.csv")
    report = annotate(kb, images, dataset="a", origin=tmp_path / "a.csv")
    assert report.unresolved == ()
    found = {link.name: link for link in Linker(kb).link_all(["car", "kategorie: Cars", "Category:Road vehicles"])}
    assert found["kategorie: Cars"].iri == cars and found["kategorie: Cars"].method == "exact title"
    assert found["car"].iri == cars
    assert local_name(found["Category:Road vehicles"].iri or "") == "Road_vehicles"
    # A query.
    question = "SELECT ?c ?top { ?c rdfs:subClassOf* ?top }"
    answers = [len(list(run_query(kb, question, {"top": t}))) for t in ("Cars", "Kategorie:Cars", "Category:Cars")]
    assert answers[0] > 1 and len(set(answers)) == 1


def test_a_category_beside_an_article_of_the_same_title(tmp_path: Path) -> None:
    kb = built(tmp_path, Site("dewiki", "https://de.wikipedia.org/wiki/", "de", "Kategorie"), articles=True)
    titles = {local_name(i) for i in kb.index.classes if ":" not in i.removeprefix("https:")}
    shared = [t for t in sorted(titles) if f"https://de.wikipedia.org/wiki/Kategorie:{t}" in kb.index.classes]
    assert shared
    for title in shared:
        assert len(kb.classes_called(title)) == 2
        assert kb.classes_called(f"Category:{title}") == [f"https://de.wikipedia.org/wiki/Kategorie:{title}"]


def test_another_process_and_a_knowledge_base_from_before(tmp_path: Path) -> None:
    """A fresh process learns the name from the knowledge base; one without a record has the canonical name."""
    built(tmp_path, Site("xxwiki", "https://xx.example.org/wiki/", "de", "Ähnliches"))
    code = (
        "import sys; from neurontology.ontology.kb import KB; from neurontology.ontology.names import local_name\n"
        "kb = KB.open(sys.argv[1]); iri = kb.classes_called('ähnliches:Cars')[0]; print(ascii(iri), local_name(iri))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "kb")], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [ascii("https://xx.example.org/wiki/Ähnliches:Cars"), "Cars"]
    (tmp_path / "old").mkdir()
    old = built(tmp_path / "old", None)
    del old
    old = KB.open(tmp_path / "old/kb", writable=True)
    for quad in list(old.store.quads_for_pattern(None, nl("categoryNamespace"), None, None)):
        old.store.remove(quad)
    del old
    old = KB.open(tmp_path / "old/kb")
    assert old.entries[0].category_namespace == ""
    (iri,) = old.classes_called("category:Cars")
    assert iri == "https://en.wikipedia.org/wiki/Category:Cars" == old.names.to_iri("Category:Cars")
    assert old.info()["category_namespaces"] == ["https://en.wikipedia.org/wiki/Category:"]
