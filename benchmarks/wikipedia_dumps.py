"""How fast Wikipedia's dumps become a knowledge base, and how much memory that takes.

Writes dumps of a chosen size in the exact format of mysqldump (newest MediaWiki schema, gzip), with hostile titles,
binary sort keys, hidden categories and a known set of links that point the wrong way, then builds a knowledge base
and opens it, each in a fresh process:

    python benchmarks/wikipedia_dumps.py --pages 6000000 --links 20000000         a tenth of English Wikipedia
    python benchmarks/wikipedia_dumps.py --pages 60000000 --links 200000000       its size: 25 GB of disk

The links between categories are compared with those written; the process fails if they differ.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
from isal import igzip
from numba import njit

if TYPE_CHECKING:
    from neurontology.ontology.kb import KB

PAGES_PER_BLOCK = 1_000_000
ROWS_PER_STATEMENT = 8192
CATEGORY_SHARE = 0.04
CATEGORY = "https://en.wikipedia.org/wiki/Category:"

# Column order as in Wikimedia's dumps of 2026, which is not that of MediaWiki's table definitions.
SCHEMAS = {
    "page": """CREATE TABLE `page` (
  `page_id` int(8) unsigned NOT NULL AUTO_INCREMENT,
  `page_namespace` int(11) NOT NULL DEFAULT 0,
  `page_title` varbinary(255) NOT NULL DEFAULT '',
  `page_is_redirect` tinyint(1) unsigned NOT NULL DEFAULT 0,
  `page_is_new` tinyint(1) unsigned NOT NULL DEFAULT 0,
  `page_random` double unsigned NOT NULL DEFAULT 0,
  `page_touched` binary(14) NOT NULL,
  `page_links_updated` varbinary(14) DEFAULT NULL,
  `page_latest` int(8) unsigned NOT NULL DEFAULT 0,
  `page_len` int(8) unsigned NOT NULL DEFAULT 0,
  `page_content_model` varbinary(32) DEFAULT NULL,
  `page_lang` varbinary(35) DEFAULT NULL,
  PRIMARY KEY (`page_id`),
  UNIQUE KEY `page_name_title` (`page_namespace`,`page_title`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;
""",
    "categorylinks": """CREATE TABLE `categorylinks` (
  `cl_from` int(8) unsigned NOT NULL DEFAULT 0,
  `cl_sortkey` varbinary(230) NOT NULL DEFAULT '',
  `cl_timestamp` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `cl_sortkey_prefix` varbinary(255) NOT NULL DEFAULT '',
  `cl_type` enum('page','subcat','file') NOT NULL DEFAULT 'page',
  `cl_collation_id` smallint(5) unsigned NOT NULL DEFAULT 0,
  `cl_target_id` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`cl_from`,`cl_target_id`),
  KEY `cl_sortkey_id` (`cl_target_id`,`cl_type`,`cl_sortkey`,`cl_from`),
  KEY `cl_timestamp_id` (`cl_target_id`,`cl_timestamp`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;
""",
    "linktarget": """CREATE TABLE `linktarget` (
  `lt_id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `lt_namespace` int(11) NOT NULL,
  `lt_title` varbinary(255) NOT NULL,
  PRIMARY KEY (`lt_id`),
  UNIQUE KEY `lt_namespace_title` (`lt_namespace`,`lt_title`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
""",
    "page_props": """CREATE TABLE `page_props` (
  `pp_page` int(8) unsigned NOT NULL,
  `pp_propname` varbinary(60) NOT NULL DEFAULT '',
  `pp_value` blob NOT NULL,
  `pp_sortkey` float DEFAULT NULL,
  PRIMARY KEY (`pp_page`,`pp_propname`),
  UNIQUE KEY `pp_propname_page` (`pp_propname`,`pp_page`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;
""",
    "redirect": """CREATE TABLE `redirect` (
  `rd_from` int(8) unsigned NOT NULL DEFAULT 0,
  `rd_namespace` int(11) NOT NULL DEFAULT 0,
  `rd_title` varbinary(255) NOT NULL DEFAULT '',
  `rd_interwiki` varbinary(32) DEFAULT NULL,
  `rd_fragment` varbinary(255) DEFAULT NULL,
  PRIMARY KEY (`rd_from`),
  KEY `rd_ns_title` (`rd_namespace`,`rd_title`,`rd_from`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;
""",
    "category": """CREATE TABLE `category` (
  `cat_id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `cat_title` varbinary(255) NOT NULL DEFAULT '',
  `cat_pages` int(11) NOT NULL DEFAULT 0,
  `cat_subcats` int(11) NOT NULL DEFAULT 0,
  `cat_files` int(11) NOT NULL DEFAULT 0,
  PRIMARY KEY (`cat_id`),
  UNIQUE KEY `cat_title` (`cat_title`),
  KEY `cat_pages` (`cat_pages`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
""",
}

_ESCAPES = {byte: bytes([byte]) for byte in range(256)} | {
    0: b"\\0",
    10: b"\\n",
    13: b"\\r",
    26: b"\\Z",
    34: b'\\"',
    39: b"\\'",
    92: b"\\\\",
}
_HOSTILE = [
    "Plain_title_{}",
    "People_from_Rosario,_Santa_Fe_({})",
    "O'Brien's_\"quoted\"_{}",
    "Fake_row_),(1,14,'x',{}",
    "Zurück_in_die_Zukunft_{}",
    "قالب_بذرة_{}",
    "日本の城_{}",
    "Emoji_🦆_{}",
    "Back\\slash_{}\\",
    "NULL_{}",
]


def quote(value: bytes) -> bytes:
    """Write a string as mysqldump does."""
    if not any(mark in value for mark in b"\0\n\r\x1a\"'\\"):
        return b"'" + value + b"'"
    return b"'" + b"".join(_ESCAPES[byte] for byte in value) + b"'"


class Texts:
    """Byte strings back to back, for the compiled writer."""

    def __init__(self, values: list[bytes]) -> None:
        self.offsets = np.zeros(len(values) + 1, np.int64)
        np.cumsum([len(value) for value in values], out=self.offsets[1:])
        self.blob = np.frombuffer(b"".join(values), np.uint8)


# The parts of a row: text as it is, a number, a text, and a text or, where its index is -1, an invented title.
FIXED, NUMBER, TEXT, TITLE = 0, 1, 2, 3
_INVENTED = np.frombuffer(b"'Page_", np.uint8)


@njit(cache=True)
def _put_number(out: np.ndarray, to: int, number: int) -> int:
    start = to
    while True:
        out[to] = 48 + number % 10
        to += 1
        number //= 10
        if number == 0:
            break
    out[start:to] = out[start:to][::-1].copy()
    return to


@njit(cache=True)
def _put(out: np.ndarray, to: int, blob: np.ndarray, start: int, stop: int) -> int:
    for k in range(start, stop):
        out[to] = blob[k]
        to += 1
    return to


@njit(cache=True)
def format_rows(
    out: np.ndarray,
    parts: np.ndarray,
    fixed: np.ndarray,
    fixed_offsets: np.ndarray,
    numbers: np.ndarray,
    indices: np.ndarray,
    blob: np.ndarray,
    offsets: np.ndarray,
    first: int,
    last: int,
) -> int:
    """Write rows first … last - 1, joined by commas; returns the number of bytes."""
    to = 0
    for row in range(first, last):
        if row > first:
            out[to] = 44
            to += 1
        for p in range(len(parts)):
            kind, which = parts[p, 0], parts[p, 1]
            if kind == 0:
                to = _put(out, to, fixed, fixed_offsets[which], fixed_offsets[which + 1])
            elif kind == 1:
                to = _put_number(out, to, numbers[which, row])
            else:
                index = indices[which, row]
                if index >= 0:
                    to = _put(out, to, blob, offsets[index], offsets[index + 1])
                else:
                    to = _put(out, to, _INVENTED, 0, len(_INVENTED))
                    to = _put_number(out, to, numbers[0, row])
                    out[to] = 39
                    to += 1
    return to


class TableWriter:
    """Writes a dump of one table, statements of about a megabyte each.

    Parameters
    ----------
    path
        File to write; gzip at the fastest level if it ends in ``.gz``.
    table
        Name of the table.
    layout
        Parts of a row: bytes as they are, or (kind, which row of the arrays that :meth:`add` gets).
    texts
        What text parts refer to.
    """

    def __init__(self, path: Path, table: str, layout: list[bytes | tuple[int, int]], texts: Texts) -> None:
        fixed = [part for part in layout if isinstance(part, bytes)]
        self._fixed = Texts(fixed)
        self._parts = np.array(
            [(FIXED, fixed.index(part)) if isinstance(part, bytes) else part for part in layout], np.int64
        )
        self._texts = texts
        self._buffer = np.empty(ROWS_PER_STATEMENT * 1024, np.uint8)
        self._start = f"INSERT INTO `{table}` VALUES ".encode()
        self._end = f"/*!40000 ALTER TABLE `{table}` ENABLE KEYS */;\n\n-- Dump completed\n".encode()
        self._out = igzip.open(path, "wb", compresslevel=0) if path.suffix == ".gz" else path.open("wb")
        self._out.write(b"/*M!999999\\- enable the sandbox mode */ \n")
        self._out.write(f"-- Table structure for table `{table}`\n--\n\nDROP TABLE IF EXISTS `{table}`;\n".encode())
        self._out.write(SCHEMAS[table].encode())
        self._out.write(f"\n/*!40000 ALTER TABLE `{table}` DISABLE KEYS */;\n".encode())

    def add(self, numbers: list[np.ndarray], indices: list[np.ndarray] | None = None) -> None:
        """Write a block of rows."""
        rows = len(numbers[0])
        matrix = np.stack([np.asarray(each, np.int64) for each in numbers])
        chosen = np.stack([np.asarray(each, np.int64) for each in indices]) if indices else np.zeros((1, 0), np.int64)
        for first in range(0, rows, ROWS_PER_STATEMENT):
            size = format_rows(
                self._buffer,
                self._parts,
                self._fixed.blob,
                self._fixed.offsets,
                matrix,
                chosen,
                self._texts.blob,
                self._texts.offsets,
                first,
                min(rows, first + ROWS_PER_STATEMENT),
            )
            self._out.write(self._start)
            self._out.write(memoryview(self._buffer)[:size])
            self._out.write(b";\n")

    def close(self) -> None:
        """Write the closing statements."""
        self._out.write(self._end)
        self._out.close()


def _page_block(seed: int, number: int, size: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Gaps between page ids and which pages are categories, the same whenever asked for."""
    random = np.random.default_rng([seed, number])
    return 1 + (random.random(size) < 1 / 3), random.random(size) < CATEGORY_SHARE, random


def generate(folder: Path, pages: int, links: int, seed: int, reversed_share: float, suffix: str = ".sql.gz") -> None:
    """Write dumps of all six tables, and the truth beside them, block by block."""
    blocks = [(k, min(PAGES_PER_BLOCK, pages - start)) for k, start in enumerate(range(0, pages, PAGES_PER_BLOCK))]
    category_ids, last = [], 0
    for number, size in blocks:
        gaps, is_category, _ = _page_block(seed, number, size)
        ids = last + np.cumsum(gaps)
        last = int(ids[-1])
        category_ids.append(ids[is_category])
    category_id = np.concatenate(category_ids)
    random = np.random.default_rng([seed, len(blocks)])
    every = len(category_id)
    # A few are hidden; they have pages, but no place in the hierarchy.
    hidden = random.random(every) < 0.02
    visible = np.flatnonzero(~hidden)
    categories = len(visible)
    titles = [_HOSTILE[k % len(_HOSTILE)].format(k).encode() for k in range(every)]

    # Each category gets parents of smaller rank; most are close to the top of what is above. Which category is near
    # the top has nothing to do with its page id.
    rank = random.permutation(categories)
    at_rank = np.argsort(rank)
    edges = min(links // 4, int(2.5 * categories))
    child = np.concatenate([at_rank[1:], at_rank[random.integers(1, categories, edges - categories + 1)]])
    parent = at_rank[(rank[child] * random.random(edges) ** 1.5).astype(np.int64)]
    _, unique = np.unique(child * categories + parent, return_index=True)
    child, parent = child[np.sort(unique)], parent[np.sort(unique)]
    wrong = random.random(len(child)) < reversed_share
    child[wrong], parent[wrong] = parent[wrong], child[wrong]
    pairs, unique = np.unique(child * categories + parent, return_index=True)
    child, parent, wrong = visible[pairs // categories], visible[pairs % categories], wrong[unique]
    np.savez(
        folder / "truth.npz",
        child=category_id[child],
        parent=category_id[parent],
        wrong=wrong,
        root=category_id[visible[at_rank[:1]]],
    )

    def writer(table: str, layout: list[bytes | tuple[int, int]], texts: Texts) -> TableWriter:
        return TableWriter(folder / f"{table}{suffix}", table, layout, texts)

    title_texts = Texts([quote(title) for title in titles])
    sort_keys = [quote(random.bytes(int(size))) for size in random.integers(4, 30, 997)]
    link_texts = Texts([*sort_keys, b"'page'", b"'subcat'"])
    page = writer(
        "page",
        [
            *(b"(", (NUMBER, 0), b",", (NUMBER, 1), b",", (TITLE, 0), b",", (NUMBER, 2), b",0,0.", (NUMBER, 3)),
            *(b",'20260101000000','20260101000000',", (NUMBER, 4), b",", (NUMBER, 5), b",'wikitext',NULL)"),
        ],
        title_texts,
    )
    link = writer(
        "categorylinks",
        [
            *(b"(", (NUMBER, 0), b",", (TEXT, 0), b",'2026-01-01 00:00:00','',", (TEXT, 1), b",1,"),
            *((NUMBER, 1), b")"),
        ],
        link_texts,
    )
    props = writer(
        "page_props", [b"(", (NUMBER, 0), b",", (TEXT, 0), b",'X',NULL)"], Texts([b"'defaultsort'", b"'hiddencat'"])
    )
    redirect = writer("redirect", [b"(", (NUMBER, 0), b",0,'Article_1',NULL,'')"], title_texts)
    last = seen = links_done = 0
    starts = np.searchsorted(child, np.arange(every + 1))
    for number, size in blocks:
        gaps, is_category, random = _page_block(seed, number, size)
        ids = last + np.cumsum(gaps)
        last = int(ids[-1])
        here = int(is_category.sum())
        title = np.full(size, -1)
        title[is_category] = np.arange(seen, seen + here)
        # As in English Wikipedia, most pages are neither articles nor categories.
        is_article = ~is_category & (random.random(size) < 0.12)
        is_redirect = ~is_category & ~is_article & (random.random(size) < 0.2)
        namespace = np.where(is_category, 14, np.where(is_article | is_redirect, 0, 1 + 2 * (ids % 2)))
        key = ids * 7919 % 10**9
        page.add([ids, namespace, is_redirect, key, ids * 11, ids % 30000], [title])
        redirect.add([ids[is_redirect]])
        has_props = np.flatnonzero(is_article | (is_category & np.isin(title, np.flatnonzero(hidden))))
        props.add([ids[has_props]], [is_category[has_props]])

        wanted = (links - len(child)) * (number * PAGES_PER_BLOCK + size) // pages - links_done
        links_done += wanted
        from_pages = ids[is_article][random.integers(0, int(is_article.sum()), wanted)]
        inside = slice(starts[seen], starts[seen + here])
        source = np.concatenate([category_id[child[inside]], from_pages])
        target = np.concatenate([parent[inside], random.integers(0, every, wanted)])
        order = np.argsort(source, kind="stable")
        subcat = order < inside.stop - inside.start
        link.add([source[order], target[order] * 3 + 5], [order % 997, 997 + subcat])
        seen += here
    for each in (page, link, props, redirect):
        each.close()

    target_rows = writer("linktarget", [b"(", (NUMBER, 0), b",", (NUMBER, 1), b",", (TITLE, 0), b")"], title_texts)
    number = np.arange(every)
    target_rows.add([number * 3 + 5, np.full(every, 14)], [number])
    for start in range(0, pages, PAGES_PER_BLOCK):
        number = 3 * every + 5 + np.arange(start, min(pages, start + PAGES_PER_BLOCK))
        target_rows.add([number, 10 * (number % 4 == 0)], [np.full(len(number), -1)])
    target_rows.close()
    category = writer("category", [b"(", (NUMBER, 0), b",", (TEXT, 0), b",100,", (NUMBER, 1), b",0)"], title_texts)
    category.add([np.arange(1, every + 1), np.bincount(parent, minlength=every)], [np.arange(every)])
    category.close()


def measure_tables(folder: Path) -> list[dict[str, object]]:
    """Read every table alone: rows, megabytes of unpacked text, seconds."""
    from neurontology.kb_build.mysqldump import read_table

    wanted = {
        "page": ["page_id", "page_namespace", "page_title", "page_is_redirect"],
        "categorylinks": ["cl_from", "cl_target_id", "cl_type"],
        "linktarget": ["lt_id", "lt_namespace", "lt_title"],
        "page_props": ["pp_page", "pp_propname"],
        "redirect": ["rd_from", "rd_namespace", "rd_title", "rd_interwiki"],
        "category": ["cat_title", "cat_subcats"],
    }
    # Compile everything on a small table first: compiled code is cached between runs.
    for _ in read_table(folder / "category.sql.gz", "category", wanted["category"]):
        pass
    tables = []
    for table, columns in wanted.items():
        path = folder / f"{table}.sql.gz"
        with igzip.open(path, "rb") as stream:
            size = sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
        start, used = time.perf_counter(), _cpu()
        rows = sum(chunk.rows for chunk in read_table(path, table, columns))
        seconds = time.perf_counter() - start
        tables.append({"table": table, "rows": rows, "megabytes": size / 1e6, "seconds": seconds, "cpu": _cpu() - used})
    return tables


def measure_build(folder: Path, out: Path, articles: str = "") -> dict[str, object]:
    """Build a knowledge base: seconds, processor seconds and memory of every stage."""
    from neurontology.kb_build.wikipedia import WikipediaDumps
    from neurontology.kb_build.wikipedia_kb import build_wikipedia

    stages: list[dict[str, object]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            stages.append({"stage": record.getMessage().split(" from ")[0], **_used()})

    logger = logging.getLogger("neurontology.kb_build")
    logger.setLevel(logging.INFO)
    logger.addHandler(Handler())
    dumps = WikipediaDumps(**{table: folder / f"{table}.sql.gz" for table in SCHEMAS})
    kb = build_wikipedia(dumps, out, articles=bool(articles))
    stages.append({"stage": "ready", **_used()})
    compare(kb, folder)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return {"stages": stages, "info": kb.info(), "megabytes_on_disk": size / 1e6}


def compare(kb: KB, folder: Path) -> None:
    """Check that the links in a knowledge base, and those it says were left out, are exactly those written."""
    truth = np.load(folder / "truth.npz")
    ids = np.unique(np.concatenate([truth["child"], truth["parent"]]))
    written = np.searchsorted(ids, truth["child"]) * len(ids) + np.searchsorted(ids, truth["parent"])
    # Titles end in the number of the category, and these ascend with the page ids.
    last_number = re.compile(r"(\d+)\D*$")

    def number(title: str) -> int:
        found = last_number.search(title)
        assert found is not None
        return int(found[1])

    table = kb.index.classes
    is_category = np.fromiter((iri.startswith(CATEGORY) for iri in table), np.bool_, len(table))
    classes = np.array([number(unquote(iri)) for iri in table if iri.startswith(CATEGORY)])
    order = np.argsort(classes)
    rank = np.empty(len(table), np.int64)
    rank[np.flatnonzero(is_category)[order]] = np.arange(len(classes))
    links = kb.index.told.parents.tocoo()
    between = is_category[links.row]
    kept = rank[links.row[between]] * len(ids) + rank[links.col[between]]
    removed = []
    assert kb.path is not None
    with (kb.path / "removed.tsv").open(encoding="utf-8") as file:
        for line in file:
            kind, child, parent, _ = line.split("\t")
            if kind == "edge":
                ends = np.searchsorted(classes[order], [number(child), number(parent)])
                removed.append(ends[0] * len(ids) + ends[1])
    found = np.concatenate([kept, np.array(removed, np.int64)])
    if len(classes) != len(ids) or not np.array_equal(np.sort(found), np.sort(written)):
        raise SystemExit("the graph read differs from the graph written")


def measure_opening(out: Path) -> dict[str, float]:
    """Open a knowledge base in a fresh process, and what people ask first."""
    from neurontology.ontology.kb import KB

    start = time.perf_counter()
    kb = KB.open(out)
    opened = time.perf_counter()
    kb.index.classes.id(f"{CATEGORY}Plain_title_0")
    indexed = time.perf_counter()
    kb.info()
    informed = time.perf_counter()
    told = kb.index.told
    widest = int(np.argmax(np.diff(told.children.indptr)))
    below = len(told.descendants(widest))
    return {
        "open": opened - start,
        "index": indexed - opened,
        "info": informed - indexed,
        "descendants": time.perf_counter() - informed,
        "descendants_found": below,
        "peak_megabytes": _memory("VmHWM"),
    }


def _used() -> dict[str, float]:
    return {
        "seconds": time.perf_counter() - _START,
        "cpu": _cpu(),
        "megabytes": _memory("VmRSS"),
        "peak_megabytes": _memory("VmHWM"),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(what: str) -> float:
    # Not ru_maxrss: a process inherits that from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(what)).split()[1]) / 1024


def in_fresh_process(what: str, *arguments: object) -> Any:
    """Measure in a process of its own, whose peak memory is that of this alone."""
    command = [sys.executable, __file__, "--measure", what, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    """Generate, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--links", type=int, default=3_000_000)
    parser.add_argument("--reversed", type=float, default=0.005, help="share of sub-category links to reverse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--articles", action="store_true", help="make articles leaf classes, too")
    parser.add_argument("--tables", action="store_true", help="read every table alone, too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the dumps here, and use those that are there")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, *paths = options.measure
        measures = {"tables": measure_tables, "build": measure_build, "opening": measure_opening}
        print(json.dumps(measures[what](*(Path(path) if "/" in path else path for path in paths))))
        return
    with tempfile.TemporaryDirectory(dir=options.out and options.out.parent) as temporary:
        folder = options.out or Path(temporary, "dumps")
        result: dict[str, Any] = {}
        if not (folder / "truth.npz").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            generate(folder, options.pages, options.links, options.seed, options.reversed)
            result["generate_seconds"] = time.perf_counter() - start
        if options.tables:
            result["tables"] = in_fresh_process("tables", folder)
        kb = Path(temporary, "kb")
        result["build"] = in_fresh_process("build", folder, kb, *(["articles"] if options.articles else []))
        result["opening"] = in_fresh_process("opening", kb)
    if options.json:
        print(json.dumps(result))
        return
    report(result)


def report(result: dict[str, Any]) -> None:
    """Print what was measured."""
    if "tables" in result:
        print(f"{'table':<15}{'rows':>13}{'MB':>9}{'s':>8}{'CPU s':>8}{'MB/s':>8}{'Mrows/s':>9}")
    for row in result.get("tables", ()):
        seconds = row["seconds"]
        print(
            f"{row['table']:<15}{row['rows']:>13,}{row['megabytes']:>9.0f}{seconds:>8.1f}{row['cpu']:>8.1f}"
            f"{row['megabytes'] / seconds:>8.0f}{row['rows'] / seconds / 1e6:>9.2f}"
        )
    print(f"{'begin of':<55}{'s':>8}{'CPU s':>8}{'MB':>8}{'peak MB':>9}")
    for row in result["build"]["stages"]:
        print(
            f"{row['stage']:<55}{row['seconds']:>8.1f}{row['cpu']:>8.1f}{row['megabytes']:>8.0f}"
            f"{row['peak_megabytes']:>9.0f}"
        )
    for key, value in result["build"]["info"].items():
        print(f"{key.replace('_', ' ')}: {value:,}" if isinstance(value, int) else f"{key}: {', '.join(value)}")
    print(f"on disk: {result['build']['megabytes_on_disk']:,.0f} MB")
    opening = result["opening"]
    print(
        "a fresh process: open {open:.2f} s, index {index:.2f} s, info {info:.2f} s, {descendants_found:,} descendants "
        "of one class {descendants:.2f} s, peak {peak_megabytes:.0f} MB".format(**opening)
    )


_START = time.perf_counter()

if __name__ == "__main__":
    main()
