"""How fast Wikipedia dumps become a category graph, and how much memory that takes.

Writes dumps of a chosen size in the exact format of mysqldump (newest MediaWiki schema, gzip), with
hostile titles, binary sort keys and a known set of edges that point the wrong way, then reads them in a fresh
process:

    python benchmarks/wikipedia_dumps.py --pages 1000000 --links 3000000

The graph read is compared with the one written, edge by edge; the process fails if they differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from isal import igzip

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


def write_table(path: Path, table: str, rows: Iterable[bytes], note: str = "", row_per_line: bool = False) -> None:
    """Write a dump of ready rows such as ``(1,'x',NULL)``, statements of about a megabyte each."""
    separator, start = (b",\n", b" VALUES\n") if row_per_line else (b",", b" VALUES ")
    with igzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as out:
        out.write(b"/*M!999999\\- enable the sandbox mode */ \n")
        out.write(note.encode())
        out.write(f"-- Table structure for table `{table}`\n--\n\nDROP TABLE IF EXISTS `{table}`;\n".encode())
        out.write(SCHEMAS[table].encode())
        out.write(f"\n/*!40000 ALTER TABLE `{table}` DISABLE KEYS */;\n".encode())
        batch: list[bytes] = []
        size = 0
        for row in rows:
            batch.append(row)
            size += len(row)
            if size > 1_000_000:
                out.write(f"INSERT INTO `{table}`".encode() + start + separator.join(batch) + b";\n")
                batch, size = [], 0
        if batch:
            out.write(f"INSERT INTO `{table}`".encode() + start + separator.join(batch) + b";\n")
        out.write(f"/*!40000 ALTER TABLE `{table}` ENABLE KEYS */;\n\n-- Dump completed\n".encode())


def generate(folder: Path, pages: int, links: int, seed: int, reversed_share: float) -> None:
    """Write page, linktarget, categorylinks, page_props and redirect dumps, and the truth beside them."""
    random = np.random.default_rng(seed)
    categories = max(10, pages // 25)
    page_ids = np.sort(random.choice(pages * 4 // 3, pages, replace=False)) + 1
    is_category = np.zeros(pages, np.bool_)
    is_category[random.choice(pages, categories, replace=False)] = True
    category_ids = page_ids[is_category]
    # Which category is near the top has nothing to do with its page id.
    rank = random.permutation(categories)
    at_rank = np.argsort(rank)
    titles = [_HOSTILE[k % len(_HOSTILE)].format(k).encode() for k in range(categories)]

    # Each category gets parents of smaller rank; most are close to the top of what is above.
    edges = min(links // 4, int(2.5 * categories))
    child = np.concatenate([at_rank[1:], at_rank[random.integers(1, categories, edges - categories + 1)]])
    parent = at_rank[(rank[child] * random.random(edges) ** 1.5).astype(np.int64)]
    _, unique = np.unique(child * categories + parent, return_index=True)
    child, parent = child[np.sort(unique)], parent[np.sort(unique)]
    wrong = random.random(len(child)) < reversed_share
    child[wrong], parent[wrong] = parent[wrong], child[wrong]
    pairs, unique = np.unique(child * categories + parent, return_index=True)
    child, parent, wrong = pairs // categories, pairs % categories, wrong[unique]
    np.savez(
        folder / "truth.npz",
        child=category_ids[child],
        parent=category_ids[parent],
        wrong=wrong,
        root=category_ids[at_rank[:1]],
    )

    others = page_ids[~is_category]
    from_pages = np.sort(others[random.integers(0, len(others), links - len(child))])
    to_categories = random.integers(0, categories, len(from_pages))
    sources = np.concatenate([category_ids[child], from_pages])
    targets = np.concatenate([parent, to_categories])
    kinds = np.concatenate([np.ones(len(child), np.bool_), np.zeros(len(from_pages), np.bool_)])
    order = np.argsort(sources, kind="stable")
    sort_keys = [quote(random.bytes(int(size))) for size in random.integers(4, 30, 997)]

    def page_rows() -> Iterator[bytes]:
        number = 0
        for page, category in zip(page_ids.tolist(), is_category.tolist(), strict=True):
            title = titles[number] if category else b"Article_%d" % page
            number += category
            yield b"(%d,%d,%b,0,0,0.%09d,'20260101000000','20260101000000',%d,%d,'wikitext',NULL)" % (
                page,
                14 if category else 0,
                quote(title),
                page * 7919 % 10**9,
                page * 11,
                page % 30000,
            )

    def link_rows() -> Iterator[bytes]:
        for k, (source, target, subcat) in enumerate(
            zip(sources[order].tolist(), targets[order].tolist(), kinds[order].tolist(), strict=True)
        ):
            yield b"(%d,%b,'2026-01-01 00:00:00','',%b,1,%d)" % (
                source,
                sort_keys[k % 997],
                b"'subcat'" if subcat else b"'page'",
                target * 3 + 5,
            )

    write_table(folder / "page.sql.gz", "page", page_rows())
    write_table(folder / "categorylinks.sql.gz", "categorylinks", link_rows())
    targets_rows = (b"(%d,14,%b)" % (k * 3 + 5, quote(title)) for k, title in enumerate(titles))
    write_table(folder / "linktarget.sql.gz", "linktarget", targets_rows)
    props = (b"(%d,'defaultsort','X',NULL)" % page for page in page_ids[::5])
    write_table(folder / "page_props.sql.gz", "page_props", props)
    redirects = (b"(%d,0,'Article_1',NULL,'')" % page for page in others[::50])
    write_table(folder / "redirect.sql.gz", "redirect", redirects)


def measure(folder: Path, articles: bool) -> dict[str, object]:
    """Read the dumps of a folder: seconds, megabytes of unpacked text, and peak memory of this process."""
    from neurontology.kb_build.cycles import break_cycles
    from neurontology.kb_build.mysqldump import read_table
    from neurontology.kb_build.ntriples import iter_ntriples
    from neurontology.kb_build.wikipedia import WikipediaDumps, read_category_graph

    wanted = {
        "page": ["page_id", "page_namespace", "page_title", "page_is_redirect"],
        "categorylinks": ["cl_from", "cl_target_id", "cl_type"],
        "linktarget": ["lt_id", "lt_namespace", "lt_title"],
        "page_props": ["pp_page", "pp_propname"],
        "redirect": ["rd_from", "rd_namespace", "rd_title", "rd_interwiki"],
    }
    # Compile everything on a small table first: compiled code is cached between runs.
    for _ in read_table(folder / "linktarget.sql.gz", "linktarget", wanted["linktarget"]):
        pass
    tables = []
    for table, columns in wanted.items():
        path = folder / f"{table}.sql.gz"
        with igzip.open(path, "rb") as stream:
            size = sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
        start = time.perf_counter()
        rows = sum(chunk.rows for chunk in read_table(path, table, columns))
        seconds = time.perf_counter() - start
        tables.append({"table": table, "rows": rows, "megabytes": size / 1e6, "seconds": seconds})
    tables_peak = _peak_megabytes()

    dumps = WikipediaDumps(**{table: folder / f"{table}.sql.gz" for table in wanted})
    start = time.perf_counter()
    graph = read_category_graph(dumps, articles=articles, cycles=None)
    read_seconds = time.perf_counter() - start
    n = len(graph.category_ids)
    truth = np.load(folder / "truth.npz")
    true_pairs = truth["child"] << 32 | truth["parent"]
    wrong = truth["wrong"][np.argsort(true_pairs)]
    pairs = graph.category_ids[graph.child] << 32 | graph.category_ids[graph.parent]
    order = np.argsort(pairs)
    if not np.array_equal(pairs[order], np.sort(true_pairs)):
        raise SystemExit("the graph read differs from the graph written")
    roots = np.searchsorted(graph.category_ids, truth["root"]).tolist()
    cycles = {}
    for strategy in ("eades", "depth", "dfs"):
        start = time.perf_counter()
        result = break_cycles(n, graph.child, graph.parent, roots=roots, strategy=strategy)
        seconds = time.perf_counter() - start
        dropped = ~result.kept[order]
        hits = int((wrong & dropped).sum())
        in_cycle = wrong & (result.component[graph.child[order]] > 0)
        cycles[strategy] = {
            "edges": int(dropped.sum()),
            "seconds": seconds,
            "precision": hits / max(1, int(dropped.sum())),
            "recall": hits / max(1, int(in_cycle.sum())),
        }
    sizes = result.component_sizes
    components = {"count": len(sizes), "largest": int(sizes.max(initial=0))}
    start = time.perf_counter()
    triples = size = 0
    for block in iter_ntriples(graph):
        triples += block.count(b"\n")
        size += len(block)
    return {
        "tables": tables,
        "tables_peak_megabytes": tables_peak,
        "categories": n,
        "edges": len(graph.child),
        "articles": len(graph.article_ids),
        "graph_seconds": read_seconds,
        "components": components,
        "cycles": cycles,
        "ntriples": {"triples": triples, "megabytes": size / 1e6, "seconds": time.perf_counter() - start},
        "peak_megabytes": _peak_megabytes(),
    }


def _peak_megabytes() -> float:
    # Not ru_maxrss: a process inherits that from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Generate, then measure in a process of its own, whose peak memory is the reader's alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--links", type=int, default=3_000_000)
    parser.add_argument("--reversed", type=float, default=0.005, help="share of sub-category links to reverse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--articles", action="store_true", help="read articles too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", type=Path, metavar="DIR", help="only read the dumps of an earlier run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the dumps here")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.articles)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        generate(folder, options.pages, options.links, options.seed, options.reversed)
        command = [sys.executable, __file__, "--measure", str(folder)]
        output = subprocess.run(
            command + ["--articles"] * options.articles, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    if options.json:
        print(output, end="")
        return
    result = json.loads(output)
    print(f"{'table':<15}{'rows':>12}{'MB':>9}{'s':>8}{'MB/s':>8}{'Mrows/s':>9}")
    for row in result["tables"]:
        seconds = row["seconds"]
        print(
            f"{row['table']:<15}{row['rows']:>12,}{row['megabytes']:>9.1f}{seconds:>8.2f}"
            f"{row['megabytes'] / seconds:>8.0f}{row['rows'] / seconds / 1e6:>9.2f}"
        )
    print(
        f"graph: {result['categories']:,} categories, {result['edges']:,} edges, {result['articles']:,} "
        f"articles in {result['graph_seconds']:.2f} s"
    )
    print("components: {count:,}, the largest of {largest:,} categories".format(**result["components"]))
    for strategy, row in result["cycles"].items():
        print(
            f"cycles, {strategy}: {row['edges']:,} edges removed in {row['seconds']:.2f} s; "
            f"planted ones: precision {row['precision']:.2f}, recall {row['recall']:.2f} of those in cycles"
        )
    row, parsing, peak = result["ntriples"], result["tables_peak_megabytes"], result["peak_megabytes"]
    print(f"N-Triples: {row['triples']:,} triples, {row['megabytes']:.0f} MB in {row['seconds']:.2f} s")
    print(f"peak memory: {parsing:.0f} MB parsing, {peak:.0f} MB in all")


if __name__ == "__main__":
    main()
