"""The dump reader against a slow tokeniser, and on real files of four MediaWiki generations."""

from __future__ import annotations

import gzip
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build import mysqldump
from neurontology.kb_build.mysqldump import read_table, table_columns
from neurontology.kb_build.strings import StringIndex, Strings
from neurontology.ontology.errors import DataError, UsageError

CREATE = "CREATE TABLE `t` (\n  `id` int(8) unsigned NOT NULL,\n  `name` varbinary(255) DEFAULT '),(',\n"
HEADER = CREATE + "  `n` bigint(20),\n  `x` double,\n  PRIMARY KEY (`id`),\n  KEY `b` (`name`,`n`)\n) ENGINE=InnoDB;\n"


def rows_of(path: Path, table: str, columns: list[str]) -> list[tuple[object, ...]]:
    """All rows as Python tuples, None for NULL."""
    out: list[tuple[object, ...]] = []
    for chunk in read_table(path, table, columns):
        assert chunk.rows > 0
        values = []
        for name in columns:
            column = list(chunk.strings[name]) if name in chunk.strings else chunk.integers[name].tolist()
            assert len(column) == chunk.rows
            values.append([None if null else v for v, null in zip(column, chunk.nulls[name], strict=True)])
        out.extend(zip(*values, strict=True))
    return out


def slow_values(statement: bytes) -> list[list[bytes | None]]:
    """Values of the rows of one INSERT, character by character, from the rules of the MySQL manual."""
    escapes = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
    text = statement[statement.index(b"VALUES") + 6 :].decode("latin-1")
    rows: list[list[bytes | None]] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "(":
            rows.append([])
        elif character == "'":
            value = ""
            position += 1
            while True:
                if text[position] == "\\":
                    following = text[position + 1]
                    value += "\\" + following if following in "%_" else escapes.get(following, following)
                    position += 2
                elif text[position : position + 2] == "''":
                    value += "'"
                    position += 2
                elif text[position] == "'":
                    break
                else:
                    value += text[position]
                    position += 1
            rows[-1].append(value.encode("latin-1"))
        elif character.isalnum() or character == "-":
            token = re.compile(r"[-\w.+]+").match(text, position)
            assert token is not None
            rows[-1].append(None if token[0] == "NULL" else token[0].encode())
            position = token.end() - 1
        position += 1
    return rows


def dump_quote(value: bytes) -> bytes:
    for plain, escaped in (
        (b"\\", b"\\\\"),
        (b"\0", b"\\0"),
        (b"\n", b"\\n"),
        (b"\r", b"\\r"),
        (b"'", b"\\'"),
        (b'"', b'\\"'),
        (b"\x1a", b"\\Z"),
    ):
        value = value.replace(plain, escaped)
    return b"'" + value + b"'"


nasty = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"NULL", b"),(", b"1),(2,'x',3,4.5);", b"\\", b"'", b"\\'", b"''", b"--", b"/*", b";", b"\0\x1a"]),
    st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
table_rows = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.none() | nasty,
        st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
        st.none() | st.sampled_from([b"0.5", b"-1e-07", b"12"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(
    rows=table_rows,
    layout=st.integers(0, 3),
    members=st.integers(0, 3),
    window=st.sampled_from([64, 200, 1 << 16]),
)
def test_round_trip_against_a_slow_tokeniser(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, bytes | None, int | None, bytes | None]],
    layout: int,
    members: int,
    window: int,
) -> None:
    written = []
    for number, name, n, x in rows:
        fields = [b"%d" % number, b"NULL" if name is None else dump_quote(name)]
        fields += [b"NULL" if n is None else b"%d" % n, b"NULL" if x is None else x]
        written.append(b"(" + b",".join(fields) + b")")
    names = b""
    separator, start = (b",\n", b"\n") if layout % 2 else (b",", b" ")
    if layout >= 2:
        names = b" (`id`, `name`, `n`, `x`)"
    statements = [
        b"INSERT INTO `t`%b VALUES%b%b;\n" % (names, start, separator.join(written[k : k + 7]))
        for k in range(0, len(written), 7)
    ]
    text = b"/*M!999999\\- enable the sandbox mode */ \n-- it's a comment; with (\n" + HEADER.encode()
    text += b"INSERT INTO `other` VALUES (1,';\\'),(');\n".join([b"", *statements])
    slow = [row for statement in statements for row in slow_values(statement)]
    path = tmp_path_factory.mktemp("dump") / "t.sql"
    if members:
        # Cut into gzip members at arbitrary places, as pigz and some mirrors do.
        cuts = [len(text) * k // members for k in range(members + 1)]
        parts = [text[a:b] for a, b in pairwise(cuts)]
        path.write_bytes(b"".join(gzip.compress(part) for part in parts))
    else:
        path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        # Tiny windows put every kind of token across a refill.
        patch.setattr(mysqldump, "WINDOW_BYTES", window)
        patch.setattr(mysqldump, "MAX_HEADER_BYTES", max(window // 2, 32))
        patch.setattr(mysqldump, "_ROWS_PER_CHUNK", 5)
        if window < 1000:
            # The header statement itself must fit into what is looked at for a header.
            patch.setattr(mysqldump, "MAX_HEADER_BYTES", 400)
        got = rows_of(path, "t", ["x", "id", "name", "n"])
    assert got == rows_reordered(rows)
    assert [[number, name, n, x] for x, number, name, n in got] == [
        [int(row[0] or 0), row[1], None if row[2] is None else int(row[2]), row[3]] for row in slow
    ]


def rows_reordered(
    rows: list[tuple[int, bytes | None, int | None, bytes | None]],
) -> list[tuple[object, ...]]:
    return [(x, number, name, n) for number, name, n, x in rows]


def write(tmp_path: Path, text: str | bytes, name: str = "t.sql") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_escapes_and_prefixes_by_hand(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER
        + r"INSERT INTO `t` VALUES (1,'a\0b\nc\rd\\e\'f\"g\Zh',-5,1.5),(2,'it''s',NULL,NULL),"
        + r"(3,'NULL',0,0),(4,_binary 'x\%y\_',1,2),(5,0x4F776C,1,2),(6,NULL,1,2)"
        + " ,\n( 7 , '' , 9223372036854775807 , 2 ) ; ",
    )
    assert rows_of(path, "t", ["id", "name", "n"]) == [
        (1, b"a\0b\nc\rd\\e'f\"g\x1ah", -5),
        (2, b"it's", None),
        (3, b"NULL", 0),
        (4, b"x\\%y\\_", 1),
        (5, b"Owl", 1),
        (6, None, 1),
        (7, b"", 2**63 - 1),
    ]


def test_columns_are_found_by_name_and_by_the_statements_own_list(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER + "INSERT IGNORE INTO `t` (`n`,`name`,`id`) VALUES (7,'x',1);\nREPLACE INTO t VALUES (2,'y',8,0);",
    )
    assert rows_of(path, "t", ["id", "name", "n"]) == [(1, b"x", 7), (2, b"y", 8)]
    assert table_columns(path, "t") == {"id": "int", "name": "varbinary", "n": "bigint", "x": "double"}
    with pytest.raises(DataError, match="column list of this INSERT lacks `x`"):
        rows_of(path, "t", ["x"])


def test_a_row_of_another_width_is_refused_with_its_byte_offset(tmp_path: Path) -> None:
    text = HEADER + "INSERT INTO `t` VALUES (1,'a',1,1),(2,'b',2);"
    path = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        rows_of(path, "t", ["id"])
    assert f"{path}: byte {text.index('(2,')}" in str(caught.value)
    assert "fewer values" in str(caught.value)
    path = write(tmp_path, HEADER + "INSERT INTO `t` VALUES (1,'a',1,1,1);")
    with pytest.raises(DataError, match="more values than the header has columns"):
        rows_of(path, "t", ["id"])


@pytest.mark.parametrize("value", ["'7'", "7.5", "x", "99999999999999999999", "9223372036854775808", "-"])
def test_what_is_no_integer_is_refused_in_an_integer_column(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, HEADER + f"INSERT INTO `t` VALUES ({value},'a',1,1);")
    with pytest.raises(DataError, match="integer column"):
        rows_of(path, "t", ["id"])


def test_every_cut_of_a_plain_dump_is_noticed(tmp_path: Path) -> None:
    text = "/*!40000 ALTER TABLE `t` DISABLE KEYS */;\nINSERT INTO `t` VALUES (1,'a;),\\'',1,1),(2,NULL,-3,4);\n"
    whole = HEADER + text + "/*!40000 ALTER TABLE `t` ENABLE KEYS */;\n"
    assert len(rows_of(write(tmp_path, whole), "t", ["name"])) == 2
    end = whole.index(" */;\n", len(HEADER) + len(text)) + 3
    # Up to the end of the comment that announces rows, a cut dump looks like that of an empty table.
    begin = whole.index(" */;") + 3
    for cut in [*range(HEADER.index(";")), *range(begin, len(whole))]:
        path = write(tmp_path, whole[:cut])
        if cut >= end:
            assert len(rows_of(path, "t", ["name"])) == 2
        else:
            with pytest.raises(DataError):
                rows_of(path, "t", ["name"])


def test_cut_and_damaged_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(
        (HEADER + "INSERT INTO `t` VALUES " + ",".join(f"({k},'x{k * k}',1,1)" for k in range(5000)) + ";").encode()
    )
    assert len(rows_of(write(tmp_path, packed, "t.sql.gz"), "t", ["id"])) == 5000
    with pytest.raises(DataError, match="gzip stream ends too early"):
        rows_of(write(tmp_path, packed[: len(packed) // 2], "t.sql.gz"), "t", ["id"])
    with pytest.raises(DataError, match="gzip"):
        rows_of(write(tmp_path, packed[:500] + b"\xff" * 50 + packed[550:], "t.sql.gz"), "t", ["id"])
    with pytest.raises(DataError, match="not gzip"):
        rows_of(write(tmp_path, HEADER, "t.sql.gz"), "t", ["id"])
    assert rows_of(write(tmp_path, packed, "unnamed.sql"), "t", ["id"])[-1] == (4999,)


def test_wrong_calls_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        rows_of(tmp_path / "absent.sql", "t", ["id"])
    with pytest.raises(UsageError, match="folder"):
        rows_of(tmp_path, "t", ["id"])
    path = write(tmp_path, HEADER)
    assert rows_of(path, "t", ["id"]) == []
    with pytest.raises(DataError, match="holds table `t`; expected table `page`"):
        rows_of(path, "page", ["id"])
    with pytest.raises(DataError, match=r"no column `nmae`.*Did you mean name"):
        rows_of(path, "t", ["nmae"])
    with pytest.raises(DataError, match="no table at all"):
        rows_of(write(tmp_path, "<html>It's not found</html>"), "t", ["id"])
    with pytest.raises(DataError, match="without a CREATE TABLE"):
        rows_of(write(tmp_path, "INSERT INTO `t` VALUES (1);"), "t", ["id"])
    with pytest.raises(DataError, match="cannot be read"):
        rows_of(write(tmp_path, HEADER + "INSERT INTO `t` VALUES (1,'a' 'b',1,1);"), "t", ["id"])


def test_a_large_file_is_read_in_bounded_chunks(tmp_path: Path) -> None:
    rows = [f"({k},'title_{k}),(\\'{k % 7}',{k * 3},0.5)" for k in range(400_000)]
    statements = [f"INSERT INTO `t` VALUES {','.join(rows[k : k + 20_000])};\n" for k in range(0, len(rows), 20_000)]
    path = write(tmp_path, HEADER + "".join(statements))
    seen = []
    sizes = []
    reported = []
    for chunk in read_table(path, "t", ["n", "name"], progress=lambda done, size: reported.append((done, size))):
        seen.extend(chunk.integers["n"].tolist())
        sizes.append(len(chunk.strings["name"].blob))
        assert chunk.strings["name"][0] == b"title_%d),('%d" % (
            seen[-chunk.rows] // 3,
            seen[-chunk.rows] // 3 % 7,
        )
    assert seen == [3 * k for k in range(400_000)]
    assert len(sizes) > 1 and max(sizes) <= mysqldump.WINDOW_BYTES
    assert reported[-1] == (path.stat().st_size, path.stat().st_size)


def test_real_files_of_all_generations(shared_data: Path) -> None:
    dumps = shared_data / "mediawiki-dumps"
    links = rows_of(
        dumps / "aawiki-20260101/aawiki-20260101-categorylinks.sql.gz",
        "categorylinks",
        ["cl_from", "cl_type", "cl_target_id", "cl_sortkey"],
    )
    assert len(links) == 156
    assert sum(kind == b"subcat" for _, kind, _, _ in links) == 28
    assert len({target for _, _, target, _ in links}) == 29
    assert links[1] == (1343, b"page", 212, b"SJ\nSJ")
    old = dumps / "localwiki-2011"
    assert len(rows_of(old / "page.sql", "page", ["page_id"])) == 21
    assert rows_of(old / "redirect.sql", "redirect", ["rd_from", "rd_title", "rd_interwiki"]) == [
        (15, b"REDIR2", None),
        (16, b"REDIR3", None),
        (17, b"Real_page", None),
    ]
    middle = rows_of(dumps / "localwiki-2017-categorylinks.sql", "categorylinks", ["cl_from", "cl_to", "cl_type"])
    assert len(middle) == 25
    assert middle[-1] == (112, b"Test_032_breadcrumb", b"subcat")
    several = dumps / "bluefinder-2013/testBasicWikipedia.sql"
    assert len(rows_of(several, "category", ["cat_title"])) == 5
    assert len(rows_of(several, "page", ["page_title"])) == 10
    titles = rows_of(dumps / "bluefinder-2013/enwiki-2011-page-excerpt.sql", "page", ["page_title"])
    assert (b"Austin_Powers:_Welcome_to_My_Underground_Lair!",) in titles
    names = rows_of(
        dumps / "simplewiki-change_tag_def/simplewiki-change_tag_def.sql.gz", "change_tag_def", ["ctd_name"]
    )
    assert len(names) == 84
    with pytest.raises(DataError, match="holds table `categorylinks`; expected table `category`"):
        rows_of(old / "category.sql", "category", ["cat_title"])


@given(st.lists(nasty, max_size=30), st.data())
@settings(deadline=None, max_examples=60)
def test_string_columns_behave_like_lists(values: list[bytes], data: st.DataObject) -> None:
    column = Strings.of(values)
    assert list(column) == values
    assert [column[k] for k in range(len(column))] == values
    chosen = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=9)) if values else []
    assert list(column.take(chosen)) == [values[k] for k in chosen]  # type: ignore[arg-type]
    assert list(Strings.concatenate([column, column])) == values + values
    for value in [*values[:3], b"NULL"]:
        assert column.equal_to(value).tolist() == [item == value for item in values]
    valid = []
    for item in values:
        try:
            item.decode("utf-8")
            valid.append(True)
        except UnicodeDecodeError:
            valid.append(False)
    assert column.first_invalid_utf8() == (None if all(valid) else valid.index(False))
    distinct = list(dict.fromkeys(values))
    queries = [*values, b"absent from all"]
    found = StringIndex(Strings.of(distinct), "value", "here").find(Strings.of(queries)).tolist()
    assert found == [distinct.index(q) if q in distinct else -1 for q in queries]
    if len(distinct) < len(values):
        with pytest.raises(DataError, match="occurs twice"):
            StringIndex(column, "value", "here")
