"""What wikis say of themselves: a real XML dump, the API's answer, files that are something else."""

import bz2
import gzip
import json
from pathlib import Path

import neurontology
import pytest
from neurontology.kb_build.siteinfo import Site, read_site
from neurontology.kb_build.wikipedia import WikipediaDumps
from neurontology.kb_build.wikipedia_kb import build_wikipedia
from neurontology.ontology.errors import DataError, UsageError


def test_a_real_dump(shared_data: Path) -> None:
    folder = shared_data / "mediawiki-dumps/aawiki-20260101"
    assert read_site(folder / "aawiki-20260101-pages-meta-current.xml.bz2") == Site.wikipedia("aa")
    with pytest.raises(DataError, match="says nothing of the wiki's name"):
        read_site(folder / "aawiki-20260101-categorylinks.sql.gz")


def test_the_answer_of_the_api_in_all_packings(tmp_path: Path) -> None:
    general = {"base": "https://de.wiktionary.org/wiki/Wiktionary:Hauptseite", "wikiid": "dewiktionary", "lang": "de"}
    text = json.dumps({"query": {"general": general, "namespaces": {"14": {"*": "Kategorie"}}}}).encode()
    expected = Site("dewiktionary", "https://de.wiktionary.org/wiki/", "de", "Kategorie")
    for name, data in (("a.json", text), ("a.json.gz", gzip.compress(text)), ("a.bz2", bz2.compress(text))):
        (tmp_path / name).write_bytes(data)
        assert read_site(tmp_path / name) == expected
    for name, data in (("cut.gz", gzip.compress(text)[:-30]), ("cut.bz2", bz2.compress(text)[:-30]), ("x", b"{")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError):
            read_site(tmp_path / name)
    with pytest.raises(UsageError, match="no such file"):
        read_site(tmp_path / "absent")


def test_a_wiki_elsewhere_names_its_classes_by_its_own_addresses(tmp_path: Path) -> None:
    wiki = Path(str(neurontology.__file__)).parent / "examples" / "wiki"
    dumps = WikipediaDumps(*(wiki / f"{table}.sql" for table in ("page", "categorylinks", "linktarget")))
    site = Site("dewiktionary", "https://de.wiktionary.org/wiki/", "de")
    kb = build_wikipedia(dumps, tmp_path / "kb", site=site)
    (iri,) = kb.classes_called("Cars")
    assert iri == "https://de.wiktionary.org/wiki/Category:Cars"
    assert kb.label(iri) == "Cars" and [entry.name for entry in kb.entries] == ["dewiktionary"]
