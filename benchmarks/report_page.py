"""How light a report is in a browser: opening it, and searching, sorting and jumping in it.

python benchmarks/report_page.py PAGE... [--repeats 3] [--link 1200] [--json]

Each PAGE is the ``index.html`` that ``neurontology report`` wrote; several are measured in turns. Needs Chromium or
Chrome, and pytest, whose driver of the browser it shares. Times are milliseconds, the median of the repeats: opening
until the load event, an interaction until the second frame after it. A search first waits 120 ms for further keys;
they are counted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from browser import Browser, headless

SEARCHES = ("tree", "building", "pool")
CHANGES = (("sort", "auc"), ("verdict", "rejected"), ("verdict", ""), ("view", "table"))
LOADED = """(() => {
  const page = performance.getEntriesByType("navigation")[0];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const elements = document.querySelectorAll("*").length;
  return { "first paint": paint?.startTime ?? NaN, opened: page.loadEventEnd, elements };
})()"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def change(browser: Browser, field: str, value: str, event: str) -> float:
    """Set a field of the page and wait until what follows from it is drawn."""
    return float(
        browser.run(
            f"""(async () => {{
              const changed = new Promise((done) => new MutationObserver(done).observe(
                document.getElementById("shown"), {{ childList: true }}));
              const field = document.getElementById({json.dumps(field)}), start = performance.now();
              field.value = {json.dumps(value)};
              field.dispatchEvent(new Event({json.dumps(event)}));
              await changed;
              await {FRAMES};
              return performance.now() - start;
            }})()"""
        )
    )


def jump(browser: Browser, unit: int) -> float:
    """Follow a link to a unit's card and wait until it stands at the top, with its label."""
    return float(
        browser.run(
            f"""(async () => {{
              const start = performance.now(), card = document.getElementById("unit-{unit}");
              location.hash = "unit-{unit}";
              for (;;) {{
                await {FRAMES};
                const top = card.getBoundingClientRect().top;
                if (card.querySelector("h3") && card.offsetHeight && -1 < top && top < 200) break;
              }}
              return performance.now() - start;
            }})()"""
        )
    )


def measure(browser: Browser, page: Path, unit: int) -> dict[str, float]:
    """Open a page and use it."""
    browser.open(page.resolve().as_uri())
    browser.run(FRAMES)
    found: dict[str, float] = browser.run(LOADED)
    for text in SEARCHES:
        found[f"search {text}"] = change(browser, "q", text, "input")
    found["search cleared"] = change(browser, "q", "", "input")
    for field, value in CHANGES:
        found[f"{field} {value or 'all'}"] = change(browser, field, value, "change")
    browser.open(page.resolve().as_uri())
    found[f"link to unit {unit}"] = jump(browser, unit)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--link", type=int, default=1200, help="unit that is jumped to")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for page in arguments.pages:
        if not page.is_file():
            parser.error(f"there is no {page}")
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        parser.error("neither chromium nor google-chrome is installed")
    rounds: list[dict[Path, dict[str, float]]] = []
    for _ in range(arguments.repeats):
        rounds.append({})
        for page in arguments.pages:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, headless(Path(profile)) as browser:
                rounds[-1][page] = measure(browser, page, arguments.link)
    report: dict[str, dict[str, Any]] = {}
    for page in arguments.pages:
        names = rounds[0][page]
        report[str(page)] = {"MB": page.stat().st_size / 1e6} | {
            name: statistics.median(one[page][name] for one in rounds) for name in names
        }
    if arguments.json:
        print(json.dumps(report, indent=2))
        return
    for name in next(iter(report.values())):
        print(
            f"{name:20}",
            *(f"{found[name]:12.1f}" if name == "MB" else f"{found[name]:12.0f}" for found in report.values()),
        )


if __name__ == "__main__":
    main()
