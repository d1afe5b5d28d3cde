"""The report of a run, read back with an independent parser and with a real browser."""

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import FLAGS, chromium_or_skip
from neurontology.analysis.report import write_report
from neurontology.analysis.report_chart import distribution_chart, histogram
from neurontology.analysis.report_wording import VERDICTS, verdict_reasons
from neurontology.analysis.run_verification import held_out_units, verify_run
from neurontology.analysis.verification import adjust, verify_unit
from neurontology.bridge.activation_files import split_images
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.bridge.run import Run
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, MissingDependencyError, UsageError
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions
from PIL import Image
from saved_run import saved_run

VOID = {"meta", "link", "img", "input", "br", "hr"}
HOSTILE_ID = 'a"><img src=x onerror=alert(1)>'
HOSTILE_LABEL = """</script><script>document.title='hit'</script> & "tree" 'oak'"""
RIGHT_TO_LEFT = "بيت \u202eغابة 🏠"
MODEL, LAYER = "<b>net</b>", "</title>'\"&amp; head"
TREE, HOUSE = (20, 150, 40), (230, 20, 220)


@dataclass
class Node:
    """An element as the browser-independent parser saw it."""

    tag: str
    attributes: dict[str, str | None]
    children: list["Node | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def all(self, tag: str | None = None, css: str | None = None) -> list["Node"]:
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if (tag is None or child.tag == tag) and (css is None or css in child.classes):
                    found.append(child)
                found.extend(child.all(tag, css))
        return found

    def one(self, tag: str | None = None, css: str | None = None) -> "Node":
        (found,) = self.all(tag, css)
        return found

    def id(self, name: str) -> "Node":
        (found,) = [node for node in self.all() if node.attributes.get("id") == name]
        return found


class Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(page: str) -> Node:
    parser = Parser()
    parser.feed(page)
    parser.close()
    assert len(parser.open) == 1
    return parser.root


def cards(page: Node) -> list[Node]:
    return page.all("article", "card")


@dataclass(frozen=True)
class Case:
    run: Run
    kb: KB
    activations: Activations


def paint(folder: Path) -> list[tuple[str, Path, str]]:
    """Write photographs: name, file and kind of each; one lies on its side, one has a hostile name."""
    rng = np.random.default_rng(3)
    images = []
    for number in range(48):
        kind = "tree" if number < 16 else "house" if number < 30 else "plain"
        colour = {"tree": TREE, "house": HOUSE, "plain": (120, 120, 120)}[kind]
        pixels = np.full((90, 150, 3), colour, np.uint8)
        pixels[:8, :8] = rng.integers(0, 255, (8, 8, 3))
        name = f"im{number:02d}" if number < 47 else HOSTILE_ID
        path = folder / f"{name}{'.jpg' if number == 0 else '.png'}"
        picture = Image.fromarray(pixels)
        if number == 0:
            exif = Image.Exif()
            exif[0x0112] = 6  # to be turned by a quarter
            exif[0x8298] = "somebody's name"
            picture.save(path, exif=exif)
        else:
            picture.save(path)
        images.append((name, path, kind))
    return images


def build(folder: Path, *, holdout: float = 0.5, files: bool = True) -> Case:
    """Label six units: trees, houses, noise, never, a single image, boats (of which one is held out)."""
    folder.mkdir(parents=True, exist_ok=True)
    images = paint(folder)
    names = [name for name, _, _ in images]
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for _, path, _ in images]
    split = split_images(names, contents if files else [""] * 48, seed=4, holdout=holdout)
    plain = [n for n, _, kind in images if kind == "plain" and n != HOSTILE_ID]
    used = [n for n in plain if split[names.index(n)] == "induction"]
    kept = [n for n in plain if split[names.index(n)] == "holdout"]
    boats = {*used[:4], *kept[:1]}

    rng = np.random.default_rng(9)
    with (folder / "acts.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*range(6), "path", "class", "sha256"])
        for (name, path, kind), content in zip(images, contents, strict=True):
            noise = rng.random(6)
            values = [
                5 * (kind == "tree") + noise[0],
                5 * (kind == "house") + noise[1] + (7 if name == HOSTILE_ID else 0),
                noise[2],
                0.0,
                5.0 * (name == used[0]) + 2.5 * (name == used[1]) + noise[4] / 10,
                5 * (name in boats) + noise[5] / 2,
            ]
            where = str(path) if files else path.name
            table.writerow([*(f"{v:.4f}" for v in values), where, kind, content if files else ""])
    activations = import_activations(
        folder / "acts.csv", folder / "acts", holdout=holdout, seed=4, model=MODEL, layer=LAYER
    )

    quoted = HOSTILE_LABEL.replace('"', '\\"')
    triples = [
        "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
        f':Tree a owl:Class ; rdfs:label "{quoted}" . :House a owl:Class ; rdfs:label "{RIGHT_TO_LEFT}" .',
        ":Boat a owl:Class . :Red a owl:Class . :Scene a owl:Class .",
    ]
    for number, (name, _, kind) in enumerate(images):
        if name == HOSTILE_ID:
            continue  # an image without annotation
        types = [":Scene", {"tree": ":Tree", "house": ":House", "plain": ":Scene"}[kind]]
        types += [":Boat"] * (name in boats) + [":Red"] * (number % 3 == 0)
        triples.append(f":{name} a {', '.join(types)} .")
    (folder / "toy.ttl").write_text("\n".join(triples), encoding="utf-8")
    kb = build_owl([folder / "toy.ttl"], folder / "kb")

    thresholds, options = Thresholds(positive=0.7, negative=0.3), InductionOptions(max_atoms=2, top=3)
    run = saved_run(folder / "run", kb, activations, thresholds, options)
    return Case(run, kb, activations)


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Case:
    return build(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def report(case, tmp_path_factory) -> Path:
    return write_report(case.run, case.kb, case.activations, tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="module")
def page(report) -> Node:
    return read(report.read_text(encoding="utf-8"))


# -- content --------------------------------------------------------------------------------------------


def test_a_card_for_each_unit_with_the_numbers_of_verify(case, page):
    rows = {row.unit: row for row in verify_run(case.run, case.kb, case.activations)}
    assert [card.attributes["data-unit"] for card in cards(page)] == [str(u) for u in range(6)]
    kinds = {card.attributes["data-verdict"] for card in cards(page)}
    assert {"confirmed", "untestable", "unlabelled"} <= kinds
    for card, record in zip(cards(page), case.run.units, strict=True):
        row = rows.get(record["unit"])
        verdict = card.one("p", "verdict").text
        if row is None:
            assert record["solutions"] == [] and verdict == "unlabelled"
            assert record["status"][1:] in card.one(css="verdict-reasons").text
            continue
        best = record["solutions"][0]
        assert verdict == row.verdict.partition(":")[0]
        assert card.one("h3").text == best["english"]
        assert card.one(css="syntax").text.strip() == best["manchester"]
        assert card.one(css="syntax").attributes["title"] == best["dl"]
        assert float(card.attributes["data-f1"]) == best["f1"]
        cells = [cell.text for cell in card.one("table", "confusion").all("td")]
        assert cells == [str(best[k]) for k in ("tp", "fn", "fp", "tn")]
        if row.p is None:
            assert "data-p" not in card.attributes
            assert row.verdict.partition(": ")[2].partition(",")[0] in card.one(css="verdict-reasons").text.replace(
                "\u00a0", " "
            )
        else:
            assert float(card.attributes["data-auc"]) == row.auc
            assert float(card.attributes["data-p"]) == row.p_holm
            reasons = card.one(css="verdict-reasons").text
            assert f"AUC {row.auc:.3f}" in reasons and f"U = {row.u:g} of" in reasons


def test_the_chart_shows_the_held_out_images(case, page):
    shown = {card.attributes["data-unit"]: card for card in cards(page)}
    for unit in held_out_units(case.run, case.kb, case.activations):
        target, others = shown[str(unit.record["unit"])].all("text", "caption")
        assert int(re.match(r"\d+", target.text)[0]) == unit.target.sum()
        assert int(re.match(r"\d+", others.text)[0]) == (~unit.target).sum()


def test_the_best_images_are_shown_with_what_they_were(case, page):
    values = case.activations.values
    for card in cards(page):
        unit = int(card.attributes["data-unit"])
        figures = card.all("figure")
        order = np.argsort(-values[:, unit], kind="stable")[:8]
        if values[:, unit].max() == 0:
            assert figures == [] and "No image activates" in card.text
            continue
        assert len(figures) == 8
        for figure, row in zip(figures, order, strict=True):
            image = case.activations.images[row]
            (picture,) = figure.all("img")
            assert picture.attributes["alt"] == f"{image.id} ({image.label})"
            caption = figure.one("figcaption").text
            assert caption.startswith(f"{values[row, unit]:.3g} ")
            if image.id == HOSTILE_ID:
                assert caption.endswith("not annotated")
            elif image.split == "holdout":
                assert caption.endswith("held out")
            else:
                high = float(values[row, unit]) >= 0.7 * case.run.units[unit]["maximum"]
                assert caption.endswith("positive") == high


def test_instances_of_the_label_are_marked(page):
    (tree,) = (card for card in cards(page) if card.attributes["data-unit"] == "0")
    for figure in tree.all("figure"):
        is_tree = "(tree)" in figure.one("img").attributes["alt"]
        assert ("✓" in figure.text) == is_tree and ("✗" in figure.text) != is_tree


def test_saturated_units_say_that_the_choice_is_arbitrary(tmp_path):
    case = build(tmp_path / "case")
    # Every tree equally: more of them than are shown.
    table = (tmp_path / "case" / "acts.csv").read_text().splitlines()
    table[1:] = [re.sub(r"^[5-9][.0-9]*", "6", line) for line in table[1:]]
    (tmp_path / "case" / "acts.csv").write_text("\n".join(table))
    shutil.rmtree(tmp_path / "case" / "acts")
    saturated = import_activations(
        tmp_path / "case" / "acts.csv", tmp_path / "case" / "acts", holdout=0.5, seed=4, model="m", layer="l"
    )
    run = saved_run(tmp_path / "run", case.kb, saturated, Thresholds(), InductionOptions(), units=[0])
    page = read(write_report(run, case.kb, saturated, tmp_path / "out").read_text())
    (card,) = cards(page)
    assert "8 of the 16\u00a0images with activation 6" in card.text
    assert "1 unit of the layer’s 6" in page.one("ul", "figures").text


def test_runners_up_and_ties(case, page):
    for card, record in zip(cards(page), case.run.units, strict=True):
        if not record["solutions"]:
            assert card.all("details") == []
            continue
        rows = [[c.text for c in r.all("td")] for t in card.all("table", "runners") for r in t.all("tr")][1:]
        expected = [
            [str(s["rank"]), s["english"], *(f"{s[k]:.3f}" for k in ("f1", "precision", "recall"))]
            for s in record["solutions"][1:]
        ]
        assert [row[:5] for row in rows] == expected
        ties = record["solutions"][0]["equivalent"]
        shown = [c.text for p in card.all("p", "ties") for c in p.all("code")]
        assert shown == ties[:12]


def test_the_head_says_what_was_done(case, page):
    facts = page.one("dl", "facts").text
    for expected in (MODEL, "toy", "0.7 of the unit", "2026-01-02 03:04 UTC", case.run.digest[:12], "exact"):
        assert expected in facts
    assert page.one("head").one("title").text == f"{MODEL}, layer {LAYER}: unit labels"
    reading = page.id("reading")
    section = next(s for s in page.all("section") if reading in s.children)
    assert "Mann-Whitney U, one-sided (target greater), normal approximation without tie" in section.text
    labelled = sum(bool(u["solutions"]) for u in case.run.units)
    assert [b.text for b in page.one("ul", "figures").all("b")][:2] == ["6", str(labelled)]
    options = [o.text for o in page.id("verdict").all("option")]
    assert sum(int(re.search(r"\((\d+)\)", o)[1]) for o in options[1:]) == 6


def test_the_table_beside_the_page(case, report):
    rows = {row.unit: row for row in verify_run(case.run, case.kb, case.activations)}
    with (report.parent / "units.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(line["unit"]) for line in table] == list(range(6))
    for line, record in zip(table, case.run.units, strict=True):
        assert line["layer"] == LAYER and line["status"] == record["status"]
        row = rows.get(record["unit"])
        if row is None:
            assert line["verdict"] == "unlabelled" and line["label"] == line["auc"] == line["f1"] == ""
            continue
        assert line["label"] == record["solutions"][0]["english"] and line["verdict"] == row.verdict
        for key in ("auc", "p_holm", "u", "target_images", "target_percent"):
            value = getattr(row, key)
            assert line[key] == ("" if value is None else str(value))


# -- thumbnails -----------------------------------------------------------------------------------------


def thumbnails(page: Node) -> list[Image.Image]:
    texts = re.findall(r'"([^"]+)"', page.id("thumbnails").text)
    return [Image.open(io.BytesIO(base64.b64decode(text, validate=True))) for text in texts]


def test_each_image_is_stored_once_and_turned_upright(page):
    shown: dict[str, set[str]] = {}
    for card in cards(page):
        for picture in card.all("img"):
            assert "src" not in picture.attributes
            shown.setdefault(picture.attributes["data-t"], set()).add(picture.attributes["alt"])
    pictures = thumbnails(page)
    assert sorted(map(int, shown)) == list(range(len(pictures)))
    assert all(len(names) == 1 for names in shown.values())
    assert len({name for names in shown.values() for name in names}) == len(pictures)
    for place, (name,) in shown.items():
        picture = pictures[int(place)]
        assert picture.format == "JPEG" and picture.width <= 128 and picture.height <= 96
        assert (picture.height > picture.width) == (name == "im00 (tree)")
        assert not picture.getexif() and "exif" not in picture.info
        if "(tree)" in name:
            assert np.abs(np.asarray(picture)[40, 30].astype(int) - TREE).max() < 12


def test_images_that_are_gone_or_changed_leave_a_tile(tmp_path):
    case = build(tmp_path / "case")
    folder = tmp_path / "case"
    (folder / "im01.png").unlink()
    Image.new("RGB", (30, 30), "red").save(folder / "im02.png")
    page = read(write_report(case.run, case.kb, case.activations, tmp_path / "out").read_text())
    missing = page.id("missing").text
    assert missing.startswith("2 of ")
    assert "1: the file is not there" in missing and "1: the file has changed" in missing
    tiles = {tile.text: tile.attributes["title"] for tile in page.all("div", "absent")}
    assert set(tiles) <= {"im01 (tree)", "im02 (tree)"} and len(tiles) == 2
    assert len(cards(page)) == 6


def test_without_any_image(tmp_path):
    case = build(tmp_path / "case", files=False)
    page = read(write_report(case.run, case.kb, case.activations, tmp_path / "out").read_text())
    assert page.all("img") == [] and thumbnails(page) == []
    assert "the activations do not say where it is" in page.id("missing").text
    assert len(page.all("div", "absent")) == sum(len(card.all("figure")) for card in cards(page)) > 8


# -- safety ---------------------------------------------------------------------------------------------


def test_nothing_from_outside_is_asked_for(report, page):
    for node in page.all():
        for name, value in node.attributes.items():
            assert not name.startswith("on"), name
            assert name not in {"src", "srcset", "data", "action", "style", "background"}, name
            if name in {"href", "xlink:href"}:
                assert value.startswith("#")
        assert node.tag not in {"link", "iframe", "object", "embed", "base"}
    style, scripts = page.one("style").text, "".join(s.text for s in page.all("script"))
    assert not re.search(r"url\(|@import|https?:|//[a-z]", style)
    code = re.sub(r"//[^\n]*", "", scripts)
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket|sendBeacon|https?:|innerHTML|eval\(", code)
    (policy,) = (m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    rules = policy.attributes["content"]
    assert rules.startswith("default-src 'none'; img-src data:;")
    for node in [page.one("style"), *(s for s in page.all("script") if "type" not in s.attributes)]:
        digest = base64.b64encode(hashlib.sha256(node.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules


def test_what_comes_from_data_stays_text(page):
    # Two scripts of our own and the pictures; a third would have come with a label, a title or a name.
    assert len(page.all("script")) == 3 and len(page.all("style")) == 1 and page.all("b")
    assert not any(node.text == MODEL[3:-4] for node in page.all("b"))
    labels = {card.attributes["data-unit"]: card.one("h3") for card in cards(page)}
    assert HOSTILE_LABEL.lower()[9:] in labels["0"].text.lower()
    assert "🏠" in labels["1"].text and labels["1"].one("bdi").text == labels["1"].text
    alts = {i.attributes["alt"] for i in page.all("img")}
    assert f"{HOSTILE_ID} (plain)" in alts
    assert HOSTILE_LABEL in {b.text for b in page.one("section", "glance").all("bdi")}


# -- the directory --------------------------------------------------------------------------------------


def test_an_existing_directory_is_refused(case, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="exists already"):
        write_report(case.run, case.kb, case.activations, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_empty_directory_is_filled_and_the_same_input_gives_the_same_bytes(case, report, tmp_path):
    (tmp_path / "out").mkdir()
    again = write_report(case.run, case.kb, case.activations, tmp_path / "out")
    assert again == tmp_path / "out" / "index.html"
    assert sorted(p.name for p in again.parent.iterdir()) == ["index.html", "units.csv"]
    for name in ("index.html", "units.csv"):
        assert (again.parent / name).read_bytes() == (report.parent / name).read_bytes()


def test_other_activations_are_refused_and_nothing_is_left(case, tmp_path):
    build(tmp_path / "other", files=False)
    with pytest.raises(DataError, match="not the activations"):
        write_report(case.run, case.kb, Activations.open(tmp_path / "other" / "acts"), tmp_path / "x" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["other"]


def test_without_held_out_images_there_is_no_verdict(tmp_path):
    case = build(tmp_path / "case", holdout=0.0)
    report = write_report(case.run, case.kb, case.activations, tmp_path / "out")
    page = read(report.read_text())
    verdicts = [card.attributes["data-verdict"] for card in cards(page)]
    assert set(verdicts) == {"unverified", "unlabelled"}
    assert "no label could be tested" in page.text
    first = cards(page)[0]
    assert "No verdict: no annotated image was held out" in first.text and "this is no test" in first.text
    assert ",unverified,labelled," in (report.parent / "units.csv").read_text()


@pytest.mark.parametrize("module", ["jinja2", "PIL"])
def test_missing_packages_are_named_with_the_remedy(case, tmp_path, monkeypatch, module):
    for name in [n for n in sys.modules if n == module or n.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError) as caught:
        write_report(case.run, case.kb, case.activations, tmp_path / "out")
    assert f"a report needs the package {module}" in str(caught.value)
    assert "pip install 'neurontology[report]'" in str(caught.value)
    assert not (tmp_path / "out").exists()


# -- charts and words -----------------------------------------------------------------------------------


def test_a_small_group_is_one_dot_an_image():
    values = np.array([0.0, 0.0, 0.0, 1.0, 5.0, 5.01])
    chart = distribution_chart(values, np.linspace(0, 5, 19), marks=[(4.0, "x")], axis="a")
    for band, number, sign in zip(chart.bands, (6, 19), (-1, 1), strict=True):
        dots = [tuple(map(float, d)) for d in re.findall(r"M([\d.]+) ([\d.]+)h0", band.path)]
        assert len(dots) == len(set(dots)) == number and band.dot > 0 and band.cuts == ()
        assert all(sign * (y - chart.baseline) > 0 and abs(y - chart.baseline) < 50 for _, y in dots)
    assert chart.rules == ()


def test_bars_are_shares_of_their_group_on_one_scale():
    rng = np.random.default_rng(0)
    target, others = rng.uniform(0, 10, 400), np.concatenate([rng.uniform(0, 10, 100), np.zeros(900)])
    chart = distribution_chart(target, others, marks=[], axis="a")
    unit = abs(chart.rules[0].at - chart.baseline) / (float(chart.rules[0].text.split()[0]) / 100)
    low, high = min(target.min(), others.min()), max(target.max(), others.max())
    for band, values in zip(chart.bands, (target, others), strict=True):
        heights = {
            round((float(x) - 10) / 13 - 0.0385): abs(float(h)) / unit
            for x, h in re.findall(r"M([\d.]+) [\d.]+v(-?[\d.]+)h", band.path)
        }
        shares = np.histogram(values, 24, (low, high))[0] / len(values)
        cut = {0} if band.kind == "other" else set()
        assert {b for b, share in enumerate(shares) if share} == set(heights)
        assert all(abs(shares[b] - height) < 0.002 for b, height in heights.items() if b not in cut)
        assert [c.text for c in band.cuts] == ([f"{100 * shares[0]:.0f} %"] if cut else [])


def test_constant_and_one_sided_groups_can_be_drawn():
    chart = distribution_chart(np.array([2.0]), np.array([]), marks=[(2.0, "t")], axis="a")
    assert chart.bands[1].median is None and chart.bands[1].path == ""
    assert chart.bands[0].caption == "1\u00a0target image"


def test_histogram_counts_every_unit_once():
    scores = [0.0, 0.05, 0.1499, 0.15, 0.5, 1.0, 1.0]
    chart = histogram(scores, [True, False, False, False, True, True, False], name="F1")
    tallest = max(bar.height for bar in chart.bars)
    counts = [round(bar.height / tallest * 2) for bar in chart.bars]
    confirmed = [round(bar.confirmed_height / tallest * 2) for bar in chart.bars]
    assert counts == [1, 1, 1, 1, 1, 2] and confirmed == [1, 0, 0, 0, 1, 1]
    assert [float(bar.description.split()[1]) for bar in chart.bars] == [0.0, 0.05, 0.1, 0.15, 0.5, 0.95]


@pytest.mark.parametrize(
    ("target", "others", "expected"),
    [
        ([3, 4, 5, 6, 7], [0, 0, 0, 1, 0], ("Gate passed: 5 of 5", "Test passed", "against 20\u00a0% of 5")),
        ([0, 0, 0, 6, 7], [1, 1, 1, 1, 1], ("Gate failed: 2 of 5", "Test failed")),
        ([3], [0, 0, 0, 1], ("Gate: 1 of 1", "Not tested: 1 target image, at least 3 are needed.")),
        ([], [0, 0, 1], ("No held-out image is an instance of the label.", "Not tested: 0 target images")),
        ([1, 1, 1], [1, 1, 1], ("Gate passed: 3 of 3", "Not tested: all 6 activations equal 1.")),
    ],
)
def test_reasons_in_words(target, others, expected):
    mask = [True] * len(target) + [False] * len(others)
    (row,) = adjust([verify_unit(target + others, mask, unit=0, label="x")])
    text = " ".join(verdict_reasons(row, threshold=0.0, tested=1)).replace("1\u00a0target", "1 target")
    for part in expected:
        assert part in text
    assert row.verdict.partition(":")[0] in VERDICTS


# -- in a browser ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    binary = chromium_or_skip()
    profile = tmp_path_factory.mktemp("profile")

    def run(*arguments: str) -> str:
        result = subprocess.run(
            [binary, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=3000", *arguments],
            capture_output=True,
            timeout=120,
            check=True,
        )
        return result.stdout.decode()

    return run


def shown(page: Node) -> list[int]:
    return [
        int(c.attributes["data-unit"]) for c in cards(page) if "hidden" not in c.attributes and "laid-out" in c.classes
    ]


def test_the_page_is_drawn_with_its_pictures(browser, report, tmp_path):
    browser(f"--screenshot={tmp_path / 'page.png'}", "--window-size=1280,3000", report.as_uri())
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).astype(int)
    assert pixels.shape == (3000, 1280, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 200
    for colour in (TREE, HOUSE):
        assert (np.abs(pixels - colour).max(axis=2) < 12).sum() > 5_000


def test_all_units_are_shown_at_first(browser, report):
    page = read(browser("--dump-dom", report.as_uri()))
    assert shown(page) == list(range(6))
    assert page.id("shown").text == "6 units" and "hidden" in page.id("nothing").attributes
    # No script of a label ran.
    assert page.one("head").one("title").text == f"{MODEL}, layer {LAYER}: unit labels"
    sources = {i.attributes.get("src") for i in cards(page)[0].all("img")}
    assert None not in sources and all(s.startswith("data:image/jpeg;base64,") for s in sources)


@pytest.mark.parametrize(
    ("fragment", "units"),
    [
        ("q=oak", {0}),
        ("q=OAK%20tree", {0}),
        ("q=%22oak%22", {0}),
        ("q=%22oa%22", set()),
        ("q=%F0%9F%8F%A0", {1}),
        ("q=3-4,0", {0, 3, 4}),
        ("q=unit%205", {5}),
        ("q=%3Cscript%3E", {0}),
        ("q=nowhere", set()),
    ],
)
def test_search_by_the_address(browser, report, fragment, units):
    page = read(browser("--dump-dom", f"{report.as_uri()}#{fragment}"))
    # Noise may get any label; only the units with a known rule are compared.
    assert set(shown(page)) - {2} == units - {2}
    if not shown(page):
        assert "hidden" not in page.id("nothing").attributes and page.id("shown").text == "0 of 6 units"


def test_filter_and_order_by_the_address(browser, case, report):
    rows = verify_run(case.run, case.kb, case.activations)
    verdict = {row.unit: row.verdict.partition(":")[0] for row in rows}
    confirmed = {unit for unit, v in verdict.items() if v == "confirmed"}
    page = read(browser("--dump-dom", f"{report.as_uri()}#verdict=confirmed&sort=auc"))
    assert set(shown(page)) == confirmed and confirmed

    by_auc = sorted((row for row in rows if row.auc is not None), key=lambda r: (-r.auc, r.unit))
    without = [u for u in range(6) if u not in {row.unit for row in by_auc}]
    page = read(browser("--dump-dom", f"{report.as_uri()}#sort=auc"))
    assert shown(page) == [row.unit for row in by_auc] + without

    by_p = sorted((row for row in rows if row.p_holm is not None), key=lambda r: (r.p_holm, r.unit))
    page = read(browser("--dump-dom", f"{report.as_uri()}#sort=p&verdict=nonsense"))
    assert shown(page) == [row.unit for row in by_p] + without
