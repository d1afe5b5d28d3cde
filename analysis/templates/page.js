"use strict";
// What the scripts of our pages share: text as it is searched, numbers as they are shown, units as on the command line.
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const count = (value) => value.toLocaleString("en").replace(/,/g, "\u202f");

// Given units (0,3,5-9), a test of numbers; given anything else, nothing.
function unitsIn(text) {
  const units = text.trim().replace(/^(unit\s*|#)/i, "");
  if (!/^\d+(\s*[-–]\s*\d+)?(\s*,\s*\d+(\s*[-–]\s*\d+)?)*$/.test(units)) return undefined;
  const ranges = units.split(",").map((part) => part.split(/[-–]/).map(Number));
  return (unit) => ranges.some(([first, last = first]) => first <= unit && unit <= last);
}

// The terms of a search, of which all must occur: a phrase in quotes, or a word.
const terms = (text) => Array.from(text.matchAll(/"([^"]*)"?|([^\s"]+)/g), ([, phrase, word]) => ({ phrase, word }));

// The field follows whoever types in it; as in many pages, / leads to it.
function searchBy(field, found) {
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(found, 120);
  });
  field.form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || typing) return;
    event.preventDefault();
    field.focus();
  });
}
