"use strict";
// Search, filter, order and links to a state, such as index.html#q=tree&verdict=confirmed&sort=auc
(() => {
  const get = (id) => document.getElementById(id);
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => " " + fold(text).replace(/[^\p{L}\p{N}]+/gu, " ").trim() + " ";
  const count = (value) => value.toLocaleString("en").replace(/,/g, "\u202f");
  const number = (text) => (text === undefined ? NaN : Number(text));

  const list = get("cards");
  const cards = Array.from(list.children, (element) => {
    const { unit, verdict, f1, auc, p, concepts } = element.dataset;
    const label = concepts === undefined ? "" : element.querySelector("h3").textContent;
    const syntax = element.querySelector(".syntax")?.textContent ?? "";
    const text = [label, syntax, concepts ?? ""].join(" | ");
    return {
      element, verdict, unit: Number(unit), f1: number(f1), auc: number(auc), p: number(p),
      text: fold(text), words: words(text),
    };
  });
  const fields = { q: get("q"), verdict: get("verdict"), sort: get("sort") };
  const initial = { q: "", verdict: "", sort: "unit" };
  // A page of cards at a time: with all of a large layer laid out, every key would be slow.
  const page = 50;
  let order = "unit", matching = cards, limit = page;

  // Units as on the command line (0,3,5-9), else terms that must all occur; "in quotes" as whole words.
  function query(text) {
    const units = text.trim().replace(/^(unit\s*|#)/i, "");
    if (/^\d+(\s*[-–]\s*\d+)?(\s*,\s*\d+(\s*[-–]\s*\d+)?)*$/.test(units)) {
      const ranges = units.split(",").map((part) => part.split(/[-–]/).map(Number));
      return (card) => ranges.some(([first, last = first]) => first <= card.unit && card.unit <= last);
    }
    const tests = Array.from(text.matchAll(/"([^"]*)"?|([^\s"]+)/g), ([, phrase, term]) => {
      if (term !== undefined) return (card) => card.text.includes(fold(term));
      const whole = words(phrase);
      return whole.trim() ? (card) => card.words.includes(whole) : (card) => card.text.includes(fold(phrase));
    });
    return (card) => tests.every((test) => test(card));
  }

  const compare = {
    unit: (a, b) => a.unit - b.unit,
    f1: (a, b) => b.f1 - a.f1,
    auc: (a, b) => b.auc - a.auc,
    p: (a, b) => a.p - b.p,
  };

  function show() {
    const matches = query(fields.q.value);
    const verdict = fields.verdict.value;
    if (order !== fields.sort.value) {
      order = fields.sort.value;
      // What has no value comes last; equal values stay in the order of the units.
      cards.sort((a, b) => isNaN(a[order]) - isNaN(b[order]) || compare[order](a, b) || a.unit - b.unit);
      list.append(...cards.map((card) => card.element));
    }
    matching = cards.filter((card) => (!verdict || card.verdict === verdict) && matches(card));
    const chosen = new Set(matching);
    for (const card of cards) card.element.hidden = !chosen.has(card);
    const part = matching.length === cards.length ? "" : `${count(matching.length)} of `;
    get("shown").textContent = `${part}${count(cards.length)} ${cards.length === 1 ? "unit" : "units"}`;
    get("nothing").hidden = matching.length > 0;
    unfold(page);
  }

  function unfold(number) {
    limit = number;
    const laidOut = new Set(matching.slice(0, limit));
    for (const card of cards) card.element.classList.toggle("laid-out", laidOut.has(card));
    const rest = matching.length - laidOut.size;
    get("more").hidden = rest === 0;
    get("rest").textContent = `Show the other ${count(rest)}`;
  }

  function remember() {
    const state = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) {
      if (field.value !== initial[name]) state.set(name, field.value);
    }
    const text = state.toString().replace(/\+/g, "%20");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }

  function restore() {
    const hash = location.hash.slice(1);
    const unit = /^unit-\d+$/.test(hash) && get(hash);
    if (hash && !unit && !/^(q|verdict|sort)=/.test(hash)) return;
    const state = new URLSearchParams(unit ? "" : hash);
    for (const [name, field] of Object.entries(fields)) {
      const value = state.get(name) ?? initial[name];
      field.value = name === "verdict" ? value.replace(/\s/g, "-") : value;
      if (field.selectedIndex === -1) field.value = initial[name];
    }
    show();
    if (unit) {
      // With a page below it, so that it can be scrolled to the top.
      unfold(matching.findIndex((card) => card.element === unit) + page);
      unit.scrollIntoView();
    } else if (hash) get("controls").scrollIntoView();
  }

  // Small copies of images are stored once and put into a card when it comes near.
  const thumbnails = JSON.parse(get("thumbnails").textContent);
  function illustrate(element) {
    for (const image of element.querySelectorAll("img:not([src])")) {
      image.title = image.alt;
      image.src = "data:image/jpeg;base64," + thumbnails[image.dataset.t];
    }
  }
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      illustrate(entry.target);
      near.unobserve(entry.target);
    }
  }, { rootMargin: "800px 0px" });
  for (const card of cards) near.observe(card.element);
  const end = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    unfold(limit + page);
    // Watched anew, or nothing would be noticed where the end is still near.
    end.unobserve(get("more"));
    end.observe(get("more"));
  }, { rootMargin: "1200px 0px" });
  end.observe(get("more"));
  get("rest").addEventListener("click", () => unfold(Infinity));
  addEventListener("beforeprint", () => {
    unfold(Infinity);
    matching.forEach((card) => illustrate(card.element));
  });

  let waiting;
  fields.q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { show(); remember(); }, 120);
  });
  for (const field of [fields.verdict, fields.sort]) {
    field.addEventListener("change", () => { show(); remember(); });
  }
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  get("reset").addEventListener("click", () => {
    fields.q.value = fields.verdict.value = "";
    show();
    remember();
    fields.q.focus();
  });
  addEventListener("hashchange", restore);
  restore();
  // The first cards have their pictures at once, before any frame was drawn.
  matching.slice(0, 4).forEach((card) => illustrate(card.element));
})();
