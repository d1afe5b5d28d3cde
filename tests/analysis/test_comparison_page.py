"""The page of two runs: what it says is the comparison's, and its interactions in a headless Chromium."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, headless
from neurontology.analysis.comparison_page import write_comparison
from neurontology.ontology.errors import UsageError

LABELS = ("a tree", "a dog", "a <b>cat</b> & co", None)
VERDICTS = ("confirmed", "gate only", "untestable: 1 target image, at least 3 needed", None)


def unit(number: int) -> dict[str, Any]:
    """A unit as `compare --json` has it: labels, verdicts and AUCs that follow from its number."""
    labels = LABELS[number % 4], LABELS[(number // 2) % 4]
    found: dict[str, Any] = {"unit": number, "shared": ["Big_tree"] if number == 8 else []}
    kinds = {(True, True): "changed", (False, True): "gained", (True, False): "lost", (False, False): "none"}
    kind = kinds[labels[0] is not None, labels[1] is not None]
    found["change"] = "same" if kind == "changed" and labels[0] == labels[1] else kind
    for run, label, shift in (("first", labels[0], 0), ("second", labels[1], 1)):
        verdict = VERDICTS[(number + shift) % 4] if label else None
        tested = verdict in ("confirmed", "gate only")
        found |= {run: label, f"{run}_verdict": verdict}
        found[f"{run}_auc"] = ((37 * number + 11 * shift) % 64) / 64 if tested else None
    return found


def side(name: str) -> dict[str, Any]:
    facts = {"run": name, "model": "net", "layer": "a/b", "units": 120, "labelled": 90, "proved": 90}
    return {**facts, "distinct_labels": 3, "f1_median": 0.5, "auc_median": None, "verdicts": {"confirmed": 7}}


@pytest.fixture(scope="module")
def comparison() -> dict[str, Any]:
    units = [unit(number) for number in range(120)]
    changes = {c: sum(u["change"] == c for u in units) for c in ("same", "changed", "gained", "lost", "none")}
    spread = {"minimum": 0.1, "lower_quartile": 0.2, "median": 0.5, "upper_quartile": 0.7, "maximum": 0.9}
    auc = {"first": spread, "second": spread, "paired": 9, "higher": 4, "equal": 1, "lower": 4}
    concepts = [{"concept": "<i>x</i>", "iri": "urn:x", "first": 3, "second": 0}]
    settings = [{"name": "units", "first": [0, 1, 2, 3, 5], "second": None}]
    return {
        "first": side("runs/<one>"),
        "second": side("runs/two"),
        "settings": settings,
        "same_layer": True,
        "changes": changes,
        "units": units,
        "concepts": concepts,
        "scores": {"auc": {**auc, "change_median": 0.0, "p": 0.5}},
    }


@pytest.fixture(scope="module")
def page(comparison: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_comparison(comparison, tmp_path_factory.mktemp("page") / "out")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with headless(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def shown(browser: Browser) -> list[int]:
    script = "[...document.querySelectorAll('#rows tr')].filter(r => r.checkVisibility()).map(r => +r.dataset.unit)"
    found: list[int] = browser.run(script)
    return found


def counted(browser: Browser, number: int) -> None:
    text = "document.getElementById('shown').textContent.replace(/\\s/g, ' ')"
    browser.until(f"{text} === '{number} of 120 units'")


def test_each_unit_has_a_row_with_what_the_comparison_says(comparison: dict[str, Any], page: Path) -> None:
    text = page.read_text()
    rows = re.findall(r'<tr id="unit-(\d+)".*?</tr>', text, re.DOTALL)
    assert rows == [str(number) for number in range(120)]
    assert "<b>cat</b>" not in text and "runs/<one>" not in text and "<i>x</i>" not in text
    for one in comparison["units"]:
        row = re.search(rf'<tr id="unit-{one["unit"]}".*?</tr>', text, re.DOTALL)
        assert row is not None
        cells = [html.unescape(re.sub("<[^>]*>", "", c)).strip() for c in re.findall(r"<td.*?</td>", row[0])]
        for run, at in (("first", 0), ("second", 3)):
            same = run == "second" and one["change"] == "same"
            assert cells[at] == ("the same" if same else one[run] or "no label")
            kind = (one[f"{run}_verdict"] or ("unverified" if one[run] else "unlabelled")).partition(":")[0]
            assert cells[at + 1] == kind
            assert cells[at + 2] == ("–" if one[f"{run}_auc"] is None else f"{one[f'{run}_auc']:.3f}")
        assert cells[6] == ", ".join(one["shared"]).replace("_", " ")
    dots = sum(u["first_auc"] is not None and u["second_auc"] is not None for u in comparison["units"])
    assert text.count("<circle") == dots > 0
    assert "0-3,5" in text and "<bdi>all</bdi>" in text


def test_dots_stand_where_the_grid_has_their_aucs(comparison: dict[str, Any], tmp_path: Path) -> None:
    units = [one.copy() for one in comparison["units"]]
    tested = [one for one in units if None not in (one["first_auc"], one["second_auc"])]
    for at, one in enumerate(tested):
        one["first_verdict"] = "confirmed" if at % 2 else "gate only"
        one["second_verdict"] = "confirmed" if at % 3 else "gate only"
    text = write_comparison({**comparison, "units": units}, tmp_path / "out").read_text()
    lines = [float(value) for value in re.findall(r'class="grid" d="M([\d.]+) ', text)]
    across = dict(zip((0, 0.25, 0.5, 0.75, 1), lines, strict=True))
    labels = re.findall(r'class="share" x="[\d.]+" y="([\d.]+)">([\d.]+)<', text)
    up = {float(share): float(y) - 3.5 for y, share in labels}  # the text stands so far below its line
    assert up[0] - up[1] == across[1] - across[0] > 100
    dots = re.findall(r'<circle class="(\w+)" cx="(\d+\.\d)" cy="(\d+\.\d)".*?<title>([^<]*)<', text)
    assert len({u["first_auc"] for u in tested}) > 10 and len({dot[0] for dot in dots}) == 3
    kinds = ("neither", "one", "both")
    for (kind, x, y, title), one in zip(dots, tested, strict=True):
        first, second = one["first_auc"], one["second_auc"]
        assert float(x) == pytest.approx(across[0] + (across[1] - across[0]) * first, abs=0.051)
        assert float(y) == pytest.approx(up[0] + (up[1] - up[0]) * second, abs=0.051)
        assert kind == kinds[sum(one[f"{run}_verdict"] == "confirmed" for run in ("first", "second"))]
        assert title == f"unit {one['unit']}: {first:.3f}, {second:.3f}"


def test_the_same_comparison_gives_the_same_bytes_and_nothing_is_overwritten(
    comparison: dict[str, Any], page: Path, tmp_path: Path
) -> None:
    assert write_comparison(comparison, tmp_path / "again").read_bytes() == page.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        write_comparison(comparison, page.parent)
    with pytest.raises(UsageError, match="two runs"):
        write_comparison({"runs": []}, tmp_path / "three")
    assert not (tmp_path / "three").exists()


def test_search_filters_and_order(comparison: dict[str, Any], page: Path, chromium: Browser) -> None:
    units = comparison["units"]
    chromium.open(page.as_uri())
    assert shown(chromium) == list(range(120))
    chromium.key("/", code=191, text="/")
    assert chromium.run("document.activeElement.id") == "q"
    chromium.type("cat")
    cats = [u["unit"] for u in units if "cat" in f"{u['first']} {u['second']}"]
    counted(chromium, len(cats))
    assert shown(chromium) == cats
    assert chromium.run("location.hash") == "#q=cat"
    chromium.open(page.as_uri() + "#q=7-9%2C100")
    assert shown(chromium) == [7, 8, 9, 100]
    chromium.open(page.as_uri() + "#q=big%20tree")  # what both labels name, as people write it
    assert shown(chromium) == [8]
    chromium.open(page.as_uri() + "#change=lost")
    assert shown(chromium) == [u["unit"] for u in units if u["change"] == "lost"]
    chromium.open(page.as_uri() + "#verdict=gained")
    gained = [u["unit"] for u in units if u["second_verdict"] == "confirmed" != u["first_verdict"]]
    assert shown(chromium) == gained != []
    chromium.open(page.as_uri() + "#sort=rise")
    known = {
        u["unit"]: u["second_auc"] - u["first_auc"] for u in units if None not in (u["first_auc"], u["second_auc"])
    }
    order = sorted(range(120), key=lambda n: (n not in known, -known.get(n, 0), n))
    assert shown(chromium) == order
    chromium.open(page.as_uri() + "#q=nothingatall")
    assert shown(chromium) == [] and chromium.run("document.getElementById('nothing').checkVisibility()")
    chromium.click("#reset")
    chromium.until("document.getElementById('shown').textContent.startsWith('120')")
    assert shown(chromium) == list(range(120))
    assert chromium.run("document.activeElement.id") == "q"


def test_a_link_of_the_head_shows_its_units_by_keyboard(
    comparison: dict[str, Any], page: Path, chromium: Browser
) -> None:
    chromium.open(page.as_uri())
    for _ in range(20):
        chromium.tab()
        if chromium.run("document.activeElement.getAttribute('href')") == "#change=gained":
            break
    chromium.enter()
    counted(chromium, comparison["changes"]["gained"])
    for _ in range(60):
        chromium.tab()
        if chromium.run("document.activeElement.id") == "change":
            break
    assert chromium.run("document.activeElement.value") == "gained"


def test_it_fits_a_phone_and_asks_the_network_for_nothing(page: Path, chromium: Browser) -> None:
    before = len(chromium.requests)
    chromium.open(page.as_uri(), width=390, height=844, phone=True)
    assert chromium.run("document.documentElement.scrollWidth") == 390
    cells = "[...document.querySelectorAll('#rows .label')].slice(0, 2).map(c => c.getBoundingClientRect())"
    first, second = json.loads(chromium.run(f"JSON.stringify({cells}.map(r => [r.top, r.left]))"))
    assert first[0] < second[0] and first[1] == second[1]  # one below the other
    asked = [url for url in chromium.requests[before:] if not url.startswith(("about:", page.as_uri()))]
    assert asked == [] and chromium.problems == []


def test_runs_of_different_layers_have_no_rows(comparison: dict[str, Any], tmp_path: Path) -> None:
    other = {**comparison, "same_layer": False, "units": []}
    text = write_comparison(other, tmp_path / "out").read_text()
    assert "their units are not compared" in text and '<tr id="unit-' not in text
    unverified = {**comparison["scores"]["auc"], "first": None}
    text = write_comparison({**comparison, "scores": {"auc": unverified}}, tmp_path / "bare").read_text()
    assert "run <code>neurontology verify</code>" in text
