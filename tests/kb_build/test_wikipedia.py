"""The category graph: against a slow reading of random wikis, by hand, on real dumps, on the demo's wiki."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import neurontology
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.category_filters import read_filters
from neurontology.kb_build.wikipedia import CategoryGraph, WikipediaDumps, read_category_graph
from neurontology.ontology.errors import DataError, UsageError

PAGE = "`page_id` int, `page_namespace` int, `page_title` varbinary(255), `page_is_redirect` tinyint(1)"
LINKS = {
    "2011": "`cl_from` int, `cl_to` varbinary(255)",
    "2012": "`cl_from` int, `cl_to` varbinary(255), `cl_type` enum('page','subcat','file')",
    "both": "`cl_from` int, `cl_to` varbinary(255), `cl_type` enum('page'), `cl_target_id` bigint(20)",
    "2026": "`cl_from` int, `cl_type` enum('page','subcat','file'), `cl_target_id` bigint(20)",
}
REDIRECT = "`rd_from` int, `rd_namespace` int, `rd_title` varbinary(255), `rd_interwiki` varbinary(32)"
LINKTARGET = "`lt_id` bigint(20), `lt_namespace` int, `lt_title` varbinary(255)"
PROPS = "`pp_page` int, `pp_propname` varbinary(60), `pp_value` blob"
CATEGORY = "`cat_id` int, `cat_title` varbinary(255), `cat_subcats` int"


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


def write(folder: Path, table: str, columns: str, rows: list[tuple[object, ...]]) -> Path:
    text = f"CREATE TABLE `{table}` ({columns});\n"
    if rows:
        values = ",".join("(" + ",".join(literal(value) for value in row) + ")" for row in rows)
        text += f"INSERT INTO `{table}` VALUES {values};\n"
    path = folder / f"{table}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def write_wiki(
    folder: Path,
    pages: list[tuple[int, int, str, int]],
    links: list[tuple[int, str]],
    redirects: list[tuple[int, int, str, str | None]] | None = None,
    *,
    generation: str = "2026",
    hidden: list[int] | None = None,
) -> WikipediaDumps:
    """Dumps of a wiki given as page rows, links (page id, category title) and redirect rows."""
    namespace = {page: n for page, n, _, _ in pages}
    titles = sorted({title for _, title in links})
    number = {title: 1000 + 3 * k for k, title in enumerate(titles)}
    rows: list[tuple[object, ...]] = []
    for k, (page, title) in enumerate(links):
        kind = "subcat" if namespace.get(page) == 14 else "page"
        rows.append(
            {
                "2011": (page, title),
                "2012": (page, title, kind),
                # In a half-migrated table some rows have the title, others the number only.
                "both": (page, title, kind, None) if k % 2 else (page, "", kind, number[title]),
                "2026": (page, kind, number[title]),
            }[generation]
        )
    by_number = generation in ("both", "2026")
    targets = [(n, 14, title) for title, n in number.items()] + [(1, 0, "Cars")]
    return WikipediaDumps(
        page=write(folder, "page", PAGE, list(pages)),
        categorylinks=write(folder, "categorylinks", LINKS[generation], rows),
        linktarget=write(folder, "linktarget", LINKTARGET, targets) if by_number else None,
        redirect=None if redirects is None else write(folder, "redirect", REDIRECT, list(redirects)),
        page_props=None
        if hidden is None
        else write(
            folder,
            "page_props",
            PROPS,
            [(page, "hiddencat", "") for page in hidden] + [(1, "x", "hiddencat")],
        ),
    )


def edges(graph: CategoryGraph) -> list[tuple[str, str]]:
    text = graph.category_titles.text
    return sorted((text(c), text(p)) for c, p in zip(graph.child.tolist(), graph.parent.tolist(), strict=True))


def kept_edges(graph: CategoryGraph) -> list[tuple[str, str]]:
    text = graph.category_titles.text
    kept = graph.kept
    pairs = zip(graph.child[kept].tolist(), graph.parent[kept].tolist(), strict=True)
    return sorted((text(c), text(p)) for c, p in pairs)


def removed(graph: CategoryGraph) -> dict[str, str]:
    families = [graph.removed.families[k] for k in graph.removed.family.tolist()]
    return dict(zip(graph.removed.titles.texts(), families, strict=True))


TITLES = ["Autos", "Cars", "O'Neill\\", "NULL", "),(1,'", "شمس", "Émile_Zola", "🚗", "A", "B", "C", "Über"]


@st.composite
def wikis(
    draw: st.DrawFn,
) -> tuple[list[tuple[int, int, str, int]], list[tuple[int, str]], list[tuple[int, int, str, str | None]]]:
    titles = draw(st.lists(st.sampled_from(TITLES), unique=True, min_size=1, max_size=10))
    ids = draw(st.lists(st.integers(1, 200), unique=True, min_size=len(titles) + 3, max_size=len(titles) + 3))
    pages = [(page, 14, title, draw(st.integers(0, 1))) for page, title in zip(ids, titles, strict=False)]
    pages += [(ids[-1], 0, "Cars", 0), (ids[-2], 0, "Auto", 1), (ids[-3], 6, "Cars", 0)]
    page = st.sampled_from([*ids, 999])
    links = draw(st.lists(st.tuples(page, st.sampled_from(TITLES)), unique=True, max_size=30))
    redirects = []
    for source, namespace, _, is_redirect in pages:
        if namespace == 14 and is_redirect and draw(st.booleans()):
            to = draw(st.sampled_from(TITLES))
            redirects.append(
                (source, draw(st.sampled_from([14, 14, 14, 0])), to, draw(st.sampled_from([None, "", "de"])))
            )
    order = draw(st.permutations(pages))
    return list(order), links, redirects


@settings(deadline=None, max_examples=120)
@given(wiki=wikis(), generation=st.sampled_from(sorted(LINKS)))
def test_random_wikis_against_a_slow_reading(
    tmp_path_factory: pytest.TempPathFactory,
    wiki: tuple[list[tuple[int, int, str, int]], list[tuple[int, str]], list[tuple[int, int, str, str | None]]],
    generation: str,
) -> None:
    pages, links, redirects = wiki
    dumps = write_wiki(tmp_path_factory.mktemp("wiki"), pages, links, redirects, generation=generation)
    graph = read_category_graph(dumps, articles=True, filters=None)

    by_id = {page: (namespace, title, redirect) for page, namespace, title, redirect in pages}
    is_redirect = {title: bool(redirect) for _, namespace, title, redirect in pages if namespace == 14}
    leads = {
        by_id[page][1]: (to if namespace == 14 and not wiki_ else None) for page, namespace, to, wiki_ in redirects
    }

    def resolve(title: str) -> str | None:
        seen = set()
        while is_redirect.get(title):
            if title in seen or leads.get(title) is None:
                return None
            seen.add(title)
            title = leads[title] or ""
        return title if title in is_redirect else None

    expected, expected_articles = [], set()
    for page, to in links:
        namespace, title, redirect = by_id.get(page, (None, "", 0))
        parent = resolve(to)
        if namespace == 14 and parent is not None:
            child = resolve(title)
            if child is not None:
                expected.append((child, parent))
        if namespace == 0 and not redirect and parent is not None:
            expected_articles.add((title, parent))
    assert edges(graph) == sorted(expected)
    got_articles = {
        (graph.article_titles.text(a), graph.category_titles.text(p))
        for a, p in zip(graph.article.tolist(), graph.article_parent.tolist(), strict=True)
    }
    assert got_articles == expected_articles and len(graph.article) == len(expected_articles)

    assert sorted(graph.category_titles.texts()) == sorted(t for t, r in is_redirect.items() if not r)
    assert (np.diff(graph.category_ids) > 0).all()
    assert [by_id[page][1] for page in graph.category_ids.tolist()] == list(graph.category_titles.texts())
    aliases = {
        alias: graph.category_titles.text(k)
        for alias, k in zip(graph.alias_titles.texts(), graph.alias_of.tolist(), strict=True)
    }
    assert aliases == {t: resolve(t) for t, r in is_redirect.items() if r and resolve(t)}
    assert set(removed(graph)) == {t for t, r in is_redirect.items() if r and not resolve(t)}

    counts = graph.counts
    assert counts.links == len(links)
    assert counts.links_from_unknown_pages == sum(page == 999 for page, _ in links)
    assert counts.links_from_categories == sum(by_id.get(page, (0,))[0] == 14 for page, _ in links)
    assert counts.links_type_differs == 0
    used = [(page, to) for page, to in links if by_id.get(page, (6, "", 0))[0] in (0, 14) and by_id[page][1] != "Auto"]
    assert counts.links_to_missing_categories == sum(to not in is_redirect for _, to in used)
    assert counts.links_to_unknown_targets == 0


@settings(deadline=None, max_examples=50)
@given(wiki=wikis())
def test_every_link_of_a_category_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory,
    wiki: tuple[list[tuple[int, int, str, int]], list[tuple[int, str]], list[tuple[int, int, str, str | None]]],
) -> None:
    pages, links, redirects = wiki
    renamed = {"A": "A_stubs", "B": "B_by_year", "C": "C_by_century"}
    pages = [(page, n, renamed.get(title, title), r) for page, n, title, r in pages]
    links = [(page, renamed.get(title, title)) for page, title in links]
    dumps = write_wiki(tmp_path_factory.mktemp("wiki"), pages, links, redirects)
    graph = read_category_graph(dumps)
    c = graph.counts
    stays = len(graph.child) - c.links_bypassing
    assert c.links_from_categories == (
        stays + c.links_to_missing_categories + c.links_to_removed + c.links_to_containers
    )
    assert len(graph.category_ids) + len(graph.alias_titles) + len(graph.removed) == c.category_pages
    assert not {"A_stubs", "B_by_year", "C_by_century"} & set(graph.category_titles.texts())


def small_wiki(folder: Path, **more: object) -> WikipediaDumps:
    names = [
        "Cars",
        "Vehicles",
        "Cars_by_year",
        "Ancient_cars",
        "Hidden_categories",
        "Odd_pages",
        "Car_stubs",
        "Top",
    ]
    pages = [(k + 1, 14, name, 0) for k, name in enumerate(names)] + [(20, 0, "Ford_T", 0), (21, 0, "Car", 0)]
    links = [
        (1, "Vehicles"),
        (3, "Cars"),
        (3, "Vehicles"),
        (4, "Cars_by_year"),
        (5, "Top"),
        (6, "Hidden_categories"),
        (1, "Odd_pages"),
        (7, "Cars"),
        (2, "Top"),
        (20, "Cars_by_year"),
        (20, "Odd_pages"),
        (20, "Car_stubs"),
        (21, "Cars"),
    ]
    return write_wiki(folder, pages, links, **more)  # type: ignore[arg-type]


def test_filters_drop_bypass_and_can_be_turned_off(tmp_path: Path) -> None:
    dumps = small_wiki(tmp_path)
    graph = read_category_graph(dumps, articles=True)
    assert removed(graph) == {
        "Cars_by_year": "by-date",
        "Hidden_categories": "hidden",
        "Odd_pages": "hidden",
        "Car_stubs": "stub",
    }
    # The container is bridged to both its parents, for categories and articles.
    assert edges(graph) == [
        ("Ancient_cars", "Cars"),
        ("Ancient_cars", "Vehicles"),
        ("Cars", "Vehicles"),
        ("Vehicles", "Top"),
    ]
    links = {
        (graph.article_titles.text(a), graph.category_titles.text(p))
        for a, p in zip(graph.article.tolist(), graph.article_parent.tolist(), strict=True)
    }
    assert links == {("Ford_T", "Cars"), ("Ford_T", "Vehicles"), ("Car", "Cars")}
    assert graph.removed.by_family() == {"by-date": 1, "hidden": 2, "stub": 1}

    everything = read_category_graph(dumps, filters=None)
    assert len(everything.category_ids) == 8 and len(everything.removed) == 0
    assert len(everything.article_ids) == 0 and len(everything.article) == 0

    mine = tmp_path / "mine.toml"
    mine.write_text('[[family]]\nname = "mine"\nwhy = "I say so"\ntitles = ["^Cars$"]\n', encoding="utf-8")
    graph = read_category_graph(dumps, filters=mine)
    assert removed(graph) == {"Cars": "mine"}
    assert graph.removed.reasons[graph.removed.family[0]] == "I say so"


def test_hidden_categories_by_page_property_and_roots_are_never_removed(tmp_path: Path) -> None:
    dumps = small_wiki(tmp_path, hidden=[1, 8])
    assert removed(read_category_graph(dumps))["Cars"] == "hidden"
    assert removed(read_category_graph(dumps))["Top"] == "hidden"
    graph = read_category_graph(dumps, roots=["Top", "Odd pages"])
    assert "Top" not in removed(graph) and "Odd_pages" not in removed(graph)
    with pytest.raises(UsageError, match="no category 'Toop'"):
        read_category_graph(dumps, roots=["Toop"])


def test_a_page_namespace_outweighs_the_link_type(tmp_path: Path) -> None:
    dumps = small_wiki(tmp_path, generation="2012")
    text = dumps.categorylinks.read_text(encoding="utf-8")
    dumps.categorylinks.write_text(text.replace("(1,'Vehicles','subcat')", "(1,'Vehicles','page')"), encoding="utf-8")
    graph = read_category_graph(dumps)
    assert graph.counts.links_type_differs == 1
    assert ("Cars", "Vehicles") in edges(graph)


def test_files_that_are_missing_or_mixed_up_are_refused(tmp_path: Path) -> None:
    dumps = small_wiki(tmp_path)
    with pytest.raises(UsageError, match=r"cl_target_id.*linktarget dump.*is not given"):
        read_category_graph(dataclasses.replace(dumps, linktarget=None))
    with pytest.raises(UsageError, match="no such file"):
        read_category_graph(dataclasses.replace(dumps, page=tmp_path / "absent.sql"))
    with pytest.raises(DataError, match="holds table `page`; expected table `linktarget`"):
        read_category_graph(dataclasses.replace(dumps, linktarget=dumps.page))
    none = write(tmp_path, "categorylinks", "`cl_from` int, `cl_sortkey` varbinary(230)", [])
    with pytest.raises(DataError, match="neither `cl_to` nor `cl_target_id`"):
        read_category_graph(dataclasses.replace(dumps, categorylinks=none))


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([(1, 14, "A", 0), (1, 14, "B", 0)], "page id 1 occurs twice"),
        ([(1, 14, "A", 0), (2, 14, "A", 0)], "category title 'A' occurs twice"),
        ([(1, 0, "A", 0)], "none of the 1 pages is a category"),
        ([(2**40, 14, "A", 0)], "page id 1099511627776 is out of range"),
    ],
)
def test_impossible_pages_are_refused(tmp_path: Path, pages: list[tuple[int, int, str, int]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_category_graph(write_wiki(tmp_path, pages, [(1, "A")]))


def test_a_title_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    dumps = write_wiki(tmp_path, [(1, 14, "Good", 0), (7, 14, "Caf@", 0)], [(1, "Good")])
    dumps.page.write_bytes(dumps.page.read_bytes().replace(b"@", b"\xe9"))
    with pytest.raises(DataError, match=r"title b'Caf\\xe9' of page 7 is not UTF-8"):
        read_category_graph(dumps)


def test_redirect_chains_circles_and_a_missing_redirect_dump(tmp_path: Path) -> None:
    pages = [(1, 14, "Cars", 0)] + [(k, 14, f"R{k}", 1) for k in range(2, 9)] + [(20, 14, "Child", 0)]
    redirects = [(2, 14, "R3", ""), (3, 14, "R4", None), (4, 14, "Cars", None), (5, 14, "R6", None)]
    redirects += [(6, 14, "R5", None), (7, 0, "Cars", None)]
    links = [(20, f"R{k}") for k in range(2, 9)]
    dumps = write_wiki(tmp_path, pages, links, redirects)
    graph = read_category_graph(dumps)
    assert edges(graph) == [("Child", "Cars")] * 3
    assert kept_edges(graph) == [("Child", "Cars")]
    assert graph.cycles is not None and graph.cycles.reasons == ("duplicate", "duplicate")
    assert removed(graph) == {
        "R5": "redirect-circle",
        "R6": "redirect-circle",
        "R7": "redirect-elsewhere",
        "R8": "redirect-unknown",
    }
    assert (graph.counts.links_redirected, graph.counts.links_to_removed) == (3, 4)
    without = read_category_graph(dataclasses.replace(dumps, redirect=None))
    assert edges(without) == [] and set(removed(without).values()) == {"redirect-unknown"}


def big_wiki(folder: Path, targets: str = "C{}", shift: int = 0) -> WikipediaDumps:
    pages = [(k, 14, f"C{k}", 0) for k in range(1, 301)]
    return write_wiki(folder, pages, [(k + shift, targets.format(k // 2)) for k in range(2, 301)])


def test_files_that_do_not_belong_together_are_noticed(tmp_path: Path) -> None:
    assert len(read_category_graph(big_wiki(tmp_path)).child) == 299
    # What a parser does that takes the sort key for the title.
    dumps = big_wiki(tmp_path, targets="SORTKEY {}")
    with pytest.raises(DataError, match=r"299 of 299 links .* lead to titles that are no category"):
        read_category_graph(dumps)
    assert len(read_category_graph(dumps, min_edge_ratio=0).child) == 0
    with pytest.raises(DataError, match="200 of 299 category links come from pages that are not in"):
        read_category_graph(big_wiki(tmp_path, shift=200))
    dumps = big_wiki(tmp_path)
    write(tmp_path, "linktarget", LINKTARGET, [(5, 14, "C1")])
    with pytest.raises(DataError, match=r"299 of 299 links .* target number"):
        read_category_graph(dumps)
    dumps = big_wiki(tmp_path)
    write(tmp_path, "categorylinks", LINKS["2026"], [(2, "subcat", 1000)])
    with pytest.raises(
        DataError, match=r"only 1 sub-category links were found among 300 categories.*lowest ratio to 0"
    ):
        read_category_graph(dumps)
    category = write(tmp_path, "category", CATEGORY, [(1, "C1", 9000), (2, "C2", -1)])
    dumps = dataclasses.replace(big_wiki(tmp_path), category=category)
    with pytest.raises(DataError, match="299 sub-category links were found, the category table counts 9000"):
        read_category_graph(dumps)
    assert read_category_graph(dumps, min_edge_ratio=0).counts.expected_subcategories == 9000


def test_filter_files_with_mistakes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    for text, message in (
        ("[[family]]\nname = 'a'", "lacks its name or why"),
        ("[[family]]\nname='a'\nwhy='b'\ntitle=['x']", "unknown key 'title'"),
        ("[[family]]\nname='a'\nwhy='b'\ntitles=['(']", "no regular expression"),
        ("[[family]]\nname='a'\nwhy='b'\ntitles='x'", "not a list of texts"),
        ("[[family]]\nname='a'\nwhy='b'\neffect='burn'", "effect 'burn'"),
        ("families = 3", "unknown key 'families'"),
        ("=", "not TOML"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_filters(path)
    with pytest.raises(UsageError, match="no such file"):
        read_filters(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("title", "family"),
    [
        ("Asteroid_stubs", "stub"),
        ("Wikipédia:ébauche_physique", "stub"),
        ("木に関するスタブ項目", "stub"),
        ("Articles_with_short_description", "tracking"),
        ("CS1_maint:_archived_copy", "tracking"),
        ("All_articles_lacking_sources", "tracking"),
        ("Start-Class_Physics_articles", "maintenance"),
        ("Wikipedia:Löschkandidat", "maintenance"),
        ("Bird_articles_needing_attention", "maintenance"),
        ("User_de-3", "maintenance"),
        ("Orphaned_articles_from_May_2012", "maintenance"),
        ("1987", "dated"),
        ("1910s_in_robotics", "dated"),
        ("20th_century_in_France", "dated"),
        ("Robots_by_decade", "by-date"),
        ("Cars", None),
        ("Vehicles_by_type", None),
        ("Stub_axles", None),
        ("User_interfaces", None),
        ("Wikipedia", None),
        ("Main_topic_classifications", None),
        ("Dates_(fruit)", None),
        ("World_War_II", None),
        ("2001:_A_Space_Odyssey", None),
        ("Class-action_lawsuits", None),
        ("All_Blacks", None),
        ("Templates_(printing)", None),
    ],
)
def test_what_the_default_rules_take(title: str, family: str | None) -> None:
    filters = read_filters()
    found = int(filters.match_titles([title], 1)[0])
    assert (filters.families[found].name if found >= 0 else None) == family


def test_progress_and_determinism(tmp_path: Path) -> None:
    dumps = small_wiki(tmp_path, hidden=[])
    seen: list[tuple[str, int, int]] = []
    first = read_category_graph(dumps, articles=True, progress=lambda *step: seen.append(step))
    assert [table for table, _, _ in seen] == ["page", "page_props", "linktarget", "categorylinks"]
    assert all(done == size > 0 for _, done, size in seen)
    second = read_category_graph(dumps, articles=True)
    assert edges(first) == edges(second) and first.counts == second.counts
    assert read_category_graph(dumps, cycles=None).cycles is None


def test_real_localwiki_of_2011(shared_data: Path) -> None:
    folder = shared_data / "mediawiki-dumps/localwiki-2011"
    dumps = WikipediaDumps(folder / "page.sql", folder / "categorylinks.sql", redirect=folder / "redirect.sql")
    graph = read_category_graph(dumps, filters=None)
    assert edges(graph) == [("This_is_hidden", "Hidden_categories")]
    assert list(graph.labels()) == [
        "Pages with P prefix",
        "Main category",
        "This is hidden",
        "Hidden categories",
    ]
    # Links of the other five pages, and articles among these.
    assert graph.counts.links_from_other_pages == 5
    with_articles = read_category_graph(dumps, filters=None, articles=True)
    # 17 pages of namespace 0, three of them redirects.
    assert len(with_articles.article_ids) == 14 and len(with_articles.article) == 5
    filtered = read_category_graph(dumps)
    assert removed(filtered) == {
        "This_is_hidden": "hidden",
        "Hidden_categories": "hidden",
        "Pages_with_P_prefix": "tracking",
    }
    with pytest.raises(DataError, match="holds table `categorylinks`; expected table `category`"):
        read_category_graph(dataclasses.replace(dumps, category=folder / "category.sql"))


def test_real_bluefinder_with_all_tables_in_one_file(shared_data: Path) -> None:
    path = shared_data / "mediawiki-dumps/bluefinder-2013/testBasicWikipedia.sql"
    graph = read_category_graph(WikipediaDumps(path, path, category=path), articles=True)
    assert edges(graph) == [("People_from_Rosario,_Santa_Fe", "Rosario,_Santa_Fe")]
    links = {
        (graph.article_titles.text(a), graph.category_titles.text(p))
        for a, p in zip(graph.article, graph.article_parent, strict=True)
    }
    assert links == {
        ("Lionel_Messi", "People_from_Rosario,_Santa_Fe"),
        ("Chris_Lawler", "Sportspeople_from_Liverpool"),
        ("Rosario,_Santa_Fe", "Rosario,_Santa_Fe"),
        ("Santa_Fe", "Rosario,_Santa_Fe"),
    }
    assert graph.counts.expected_subcategories == 47


def test_real_aawiki_is_refused_without_its_other_tables(shared_data: Path) -> None:
    links = shared_data / "mediawiki-dumps/aawiki-20260101/aawiki-20260101-categorylinks.sql.gz"
    page = shared_data / "mediawiki-dumps/localwiki-2011/page.sql"
    with pytest.raises(UsageError, match=r"aawiki.*names its targets by number.*linktarget dump.*not given"):
        read_category_graph(WikipediaDumps(page, links))
    with pytest.raises(DataError, match=r"no table|holds table"):
        read_category_graph(WikipediaDumps(links, links, linktarget=links))


def test_real_links_of_2017_with_a_page_table_made_for_them(shared_data: Path, tmp_path: Path) -> None:
    links = shared_data / "mediawiki-dumps/localwiki-2017-categorylinks.sql"
    names = {103: "021", 104: "022", 105: "031", 106: "032", 107: "033", 108: "044", 109: "041", 110: "047"}
    pages = [(k, 14, f"Test_{n}_breadcrumb", 0) for k, n in names.items()] + [(900, 14, "Test_01_breadcrumb", 0)]
    graph = read_category_graph(WikipediaDumps(write(tmp_path, "page", PAGE, pages), links))
    short = [(c.split("_")[1], p.split("_")[1]) for c, p in kept_edges(graph)]
    assert short == [
        ("021", "01"),
        ("022", "01"),
        ("031", "021"),
        ("032", "022"),
        ("033", "021"),
        ("041", "031"),
        ("044", "031"),
        ("047", "01"),
        ("047", "032"),
    ]


def demo_dumps() -> WikipediaDumps:
    folder = Path(str(neurontology.__file__)).parent / "examples" / "wiki"
    return WikipediaDumps(
        *(folder / f"{table}.sql" for table in ("page", "categorylinks", "linktarget", "page_props", "redirect"))
    )


def test_the_demos_wiki_goes_through_everything() -> None:
    graph = read_category_graph(demo_dumps(), articles=True)
    assert graph.removed.by_family() == {
        "hidden": 5,
        "tracking": 1,
        "stub": 2,
        "maintenance": 1,
        "dated": 1,
        "by-date": 1,
        "redirect-circle": 2,
        "redirect-elsewhere": 1,
    }
    assert graph.cycles is not None
    text = graph.category_titles.text
    gone = {
        (text(graph.child[e]), text(graph.parent[e])): reason.split(":")[0]
        for e, reason in zip(graph.cycles.removed.tolist(), graph.cycles.reasons, strict=True)
    }
    assert gone == {
        ("Ecosystems", "Forests"): "cycle",
        ("Road_transport", "Cars"): "cycle",
        ("Transport", "Roads"): "cycle",
        ("Zoology", "Animals"): "cycle",
        ("Weather", "Weather"): "self-loop",
        ("Cars", "Road_vehicles"): "duplicate",
    }
    # One hierarchy: everything is below the one root.
    tops = set(range(len(graph.category_ids))) - set(graph.child[graph.kept].tolist())
    assert [graph.label(k) for k in tops] == ["Main topic classifications"]
    assert graph.counts.links_to_missing_categories == 2
    assert graph.counts.links_from_unknown_pages == 1
    assert ("Electric_cars", "Cars") in kept_edges(graph)
    titles = set(graph.category_titles.texts())
    assert {
        "شمس",
        "Emoji_🚗🌳",
        "Обь,_река_(Сибирь)",
        '"Weird_Al"_Yankovic\'s_cars,_trucks_(and_a_bus)',
        "Back\\slash_roads",
    } <= titles


def test_the_demos_wiki_knows_the_objects_of_the_scenes() -> None:
    graph = read_category_graph(demo_dumps())
    names = set(graph.category_titles.texts()) | set(graph.alias_titles.texts())
    objects = "sun moon cloud star tree bush flower mountain house skyscraper car bus bicycle boat road river sea"
    for name in [*objects.split(), "fence", "person", "dog", "bird"]:
        assert {name.capitalize(), f"{name.capitalize()}s", f"{name.capitalize()}es"} & names, name
    assert sum(path.stat().st_size for path in demo_dumps().page.parent.glob("*.sql")) < 60_000
