"""The report of a run with many units: cards are made when they are needed, and nothing is lost by that."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from browser import Browser, headless
from neurontology.analysis.report import write_report
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.bridge.run import Run
from neurontology.kb_build.owl import build_owl
from neurontology.reasoner.learning import InductionOptions
from saved_run import saved_run

UNITS = 300
RARE = 287
HOSTILE = """Elm</noscript></article><script>document.title = 'hit'</script><img src=x> & "elm" 'oak'"""
KINDS = ("Cat", "Dog", "Elm", "Lynx")


@dataclass(frozen=True)
class Case:
    run: Run
    address: str


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Case:
    """Label 300 units: three kinds in turn, every seventh unit never fires, and one alone fires for lynxes."""
    folder = tmp_path_factory.mktemp("case")
    kinds = [KINDS[number % 4] for number in range(48)]
    rng = np.random.default_rng(2)
    with (folder / "acts.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*range(UNITS), "path", "class"])
        for number, kind in enumerate(kinds):
            values = [5.0 * (KINDS[unit % 3] == kind) + rng.random() for unit in range(UNITS)]
            values = [0.0 if unit % 7 == 6 else value for unit, value in enumerate(values)]
            values[RARE] = 5.0 * (kind == "Lynx") + rng.random()
            table.writerow([*(f"{value:.3f}" for value in values), f"im{number:02d}.png", kind])
    activations = import_activations(
        folder / "acts.csv", folder / "acts", holdout=0.5, seed=1, model="net", layer="head"
    )
    lines = ["@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += ["@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :Being a owl:Class ."]
    lines += [f":{kind} a owl:Class ; rdfs:subClassOf :Being ." for kind in KINDS]
    lines += [f":Elm rdfs:label {json.dumps(HOSTILE)} ."]
    lines += [f":im{number:02d} a :{kind} ." for number, kind in enumerate(kinds)]
    (folder / "kb.ttl").write_text("\n".join(lines), encoding="utf-8")
    kb = build_owl([folder / "kb.ttl"], folder / "kb")
    thresholds, options = Thresholds(positive=0.7, negative=0.3), InductionOptions(max_atoms=1, top=3)
    run = saved_run(folder / "run", kb, activations, thresholds, options)
    return Case(run, write_report(run, kb, activations, folder / "report").as_uri())


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Browser]:
    with headless(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


MADE = "document.querySelectorAll('.card:not(:has(> noscript))').length"
ELEMENTS = "document.getElementsByTagName('*').length"


def search(chromium: Browser, text: str, found: int) -> None:
    chromium.run("document.getElementById('q').select()")
    chromium.type(text)
    chromium.until(f"document.getElementById('shown').textContent === '{found} of {UNITS} units'")


def test_few_cards_are_made_at_first(chromium, case):
    chromium.open(case.address)
    assert 5 <= chromium.run(MADE) <= 15
    few = chromium.run(ELEMENTS)
    # All are there for whoever prints, each with its label or the reason why it has none.
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run(MADE) == UNITS and chromium.run("document.querySelectorAll('noscript').length") == 1
    assert few < chromium.run(ELEMENTS) / 8
    texts = "Array.from(document.querySelectorAll('.card'), card => [card.querySelector('h3').textContent, "
    texts += "card.querySelector('.verdict-reasons').innerText])"
    for record, (label, reasons) in zip(case.run.units, chromium.run(texts), strict=True):
        best = record["solutions"][0]["english"] if record["solutions"] else "no label"
        assert label == best and len(reasons) > 40, record["unit"]
    assert chromium.problems == []


def test_the_printed_page_has_every_card(chromium, case):
    chromium.open(f"{case.address}#q=200-239")
    chromium.send("Page.printToPDF")
    assert chromium.run("document.querySelectorAll('.card.laid-out').length") == 40 <= chromium.run(MADE) < 60
    assert chromium.run("document.querySelectorAll('.card.laid-out > noscript').length") == 0


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
def test_a_link_leads_to_a_late_card(chromium, case, width, phone):
    chromium.open(f"{case.address}#unit-{RARE}", width=width, height=844, phone=phone)
    card = f"document.getElementById('unit-{RARE}')"
    chromium.until(f"0 <= {card}.getBoundingClientRect().top + 1 && {card}.getBoundingClientRect().top < 200")
    text = chromium.run(f"{card}.innerText")
    assert "a lynx" in text and "Gate passed" in text and "runners-up" in text
    assert chromium.run(MADE) < 30
    # Within the page, from there to an early one and to one between.
    for unit in (2, 151):
        chromium.run(f"location.hash = 'unit-{unit}'")
        top = f"document.getElementById('unit-{unit}').getBoundingClientRect().top"
        chromium.until(f"0 <= {top} + 1 && {top} < 200")
        assert len(chromium.run(f"document.getElementById('unit-{unit}').innerText")) > 300
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")


def test_reading_upwards_from_a_late_card_moves_nothing_by_itself(chromium, case):
    chromium.open(f"{case.address}#unit-{RARE}")
    chromium.until(f"document.getElementById('unit-{RARE}').getBoundingClientRect().top < 200")
    top = f"document.getElementById('unit-{RARE}').getBoundingClientRect().top"
    before, made = chromium.run(top), chromium.run(MADE)
    for _ in range(8):
        chromium.run("new Promise(done => { scrollBy(0, -350); requestAnimationFrame(() => setTimeout(done, 60)); })")
    assert chromium.run(MADE) > made
    # But for fractions of a pixel at each card.
    assert abs(chromium.run(top) - before - 8 * 350) < 10


def test_search_finds_what_a_card_not_made_says(chromium, case):
    chromium.open(case.address)
    assert "lynx" not in chromium.run("document.getElementById('cards').innerText").lower()
    best = [record["solutions"][0]["manchester"] if record["solutions"] else "" for record in case.run.units]
    lynxes = [unit for unit, label in enumerate(best) if "Lynx" in label]
    assert RARE in lynxes and min(lynxes) > 20
    chromium.run("document.getElementById('q').focus()")
    search(chromium, "lynx", len(lynxes))
    assert chromium.run(MADE) < 40 and chromium.run("document.activeElement.id") == "q"
    assert "lynx" in chromium.run(f"document.querySelector('#unit-{RARE} h3').textContent")
    # Again and in another order: no card is made twice, none is lost.
    search(chromium, "unit 3-5", 3)
    search(chromium, "lynx", len(lynxes))
    assert chromium.run(f"document.querySelectorAll('#unit-{RARE} h3').length") == 1
    chromium.run("const f = document.getElementById('sort'); f.value = 'auc'; f.dispatchEvent(new Event('change'))")
    assert chromium.run("document.querySelectorAll('.card').length") == UNITS


def test_scrolling_makes_what_comes_into_view(chromium, case):
    chromium.open(case.address)
    for _ in range(UNITS // 50):
        chromium.run("scrollTo(0, document.body.scrollHeight)")
        chromium.until(
            "Array.from(document.querySelectorAll('.card.laid-out > noscript'), kept => kept.parentElement."
            "getBoundingClientRect()).every(box => box.bottom < 0 || box.top > innerHeight)"
        )
    chromium.until("document.getElementById('more').hidden")
    assert chromium.run(MADE) < UNITS / 2


def test_hostile_names_stay_text_when_a_card_is_made(chromium, case):
    chromium.open(f"{case.address}#q=%3C%2Fnoscript%3E")
    elms = chromium.run("Array.from(document.querySelectorAll('.card.laid-out h3'), h => h.textContent)")
    assert elms and all("</noscript></article><script>document.title = 'hit'</script><img src=x>" in h for h in elms)
    assert chromium.run("document.title") == "net, layer head: unit labels"
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run("document.querySelectorAll('.card').length") == UNITS
    assert chromium.run("document.querySelectorAll('main :is(script, img), .card .card').length") == 0


def test_cards_have_names_before_they_are_made(chromium, case):
    chromium.open(case.address)
    assert chromium.run("document.querySelector('#unit-45 > noscript') !== null")
    tree = chromium.send("Accessibility.getFullAXTree")["nodes"]
    names = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "article"]
    labels = [u["solutions"][0]["english"] if u["solutions"] else "no label" for u in case.run.units[:50]]
    assert names == [f"Unit {unit}: {label}" for unit, label in enumerate(labels)]


def test_without_scripts_all_cards_can_be_read(chromium, case):
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(case.address)
        heights = chromium.run("Array.from(document.querySelectorAll('.card'), card => card.offsetHeight)")
        assert len(heights) == UNITS and min(heights) > 100
        # The number of the unit stands beside its label, as with scripts.
        number, label = (
            f"document.querySelector('#unit-{RARE} {part}').getBoundingClientRect()" for part in ("a", "h3")
        )
        assert chromium.run(f"{number}.right <= {label}.left && {number}.top < {label}.bottom")
        # The place in the hierarchy is drawn.
        assert chromium.run(f"document.querySelector('#unit-{RARE} .lineage use').getBoundingClientRect().height") > 20
    finally:
        chromium.send("Emulation.setScriptExecutionDisabled", value=False)
