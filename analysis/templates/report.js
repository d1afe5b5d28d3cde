// Search, filter, order, cards or a table, and links to a state, such as index.html#q=tree&verdict=confirmed&sort=auc
(() => {
  const get = (id) => document.getElementById(id);
  const words = (text) => " " + fold(text).replace(/[^\p{L}\p{N}]+/gu, " ").trim() + " ";
  const number = (text) => (text === undefined ? NaN : Number(text));

  const fields = { q: get("q"), verdict: get("verdict"), sort: get("sort"), view: get("view") };
  const initial = { q: "", verdict: "", sort: "unit", view: "cards" };
  const verdicts = Array.from(fields.verdict.options, (option) => option.value);
  const list = get("cards");
  const cards = Array.from(list.children, (element) => {
    const { unit, verdict, f1, auc, p, facets, label = "", words: said = "", described = "" } = element.dataset;
    return {
      element, label, described, unit: Number(unit), f1: number(f1), auc: number(auc), p: number(p), facets: number(facets),
      kind: verdict, verdict: verdicts.indexOf(verdict), text: fold(said), words: words(said),
    };
  });
  // A page of cards at a time, and of these only the first and those that come near are made.
  const pages = { cards: 50, table: 400 };
  const AT_ONCE = 10;
  let order = "unit", backwards = false, ordered = "unit", matching = cards, limit = pages.cards;

  // Units as on the command line (0,3,5-9), else terms that must all occur; "in quotes" as whole words.
  function query(text) {
    const among = unitsIn(text);
    if (among) return (card) => among(card.unit);
    const tests = terms(text).map(({ phrase, word }) => {
      const part = fold(word ?? phrase), whole = words(phrase ?? "");
      return whole.trim() ? (card) => card.words.includes(whole) : (card) => card.text.includes(part);
    });
    return (card) => tests.every((test) => test(card));
  }

  // What is best first when a column is first sorted by.
  const falling = new Set(["f1", "auc", "facets"]);
  const lacks = (value) => value === "" || Number.isNaN(value);
  function compare(a, b) {
    const rising = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
    return falling.has(order) === backwards ? rising : -rising;
  }

  // What a card holds is kept as text until it is needed: the elements of a large layer would take seconds.
  const parser = new DOMParser();
  function unpack(kept) {
    kept?.replaceWith(...parser.parseFromString(kept.textContent, "text/html").body.childNodes);
  }

  // Small copies of images and places in the hierarchy are stored once for all cards.
  const thumbnails = JSON.parse(get("thumbnails").textContent);
  function build(element) {
    const kept = element.querySelector("noscript");
    if (!kept) return;
    near.unobserve(element);
    unpack(kept);
    for (const image of element.querySelectorAll("img")) {
      image.title = image.alt;
      image.src = "data:image/jpeg;base64," + thumbnails[image.dataset.t];
    }
    for (const use of element.querySelectorAll("use")) unpack(get("stored-" + use.getAttribute("href").slice(1)));
  }

  function show() {
    const matches = query(fields.q.value);
    const verdict = fields.verdict.value;
    order = fields.sort.value;
    if (ordered !== order + backwards) {
      ordered = order + backwards;
      // What has no value comes last; equal values stay in the order of the units.
      cards.sort((a, b) => lacks(a[order]) - lacks(b[order]) || compare(a[order], b[order]) || a.unit - b.unit);
      list.append(...cards.map((card) => card.element));
    }
    matching = cards.filter((card) => (!verdict || card.kind === verdict) && matches(card));
    const part = matching.length === cards.length ? "" : `${count(matching.length)} of `;
    get("shown").textContent = `${part}${count(cards.length)} ${cards.length === 1 ? "unit" : "units"}`;
    get("nothing").hidden = matching.length > 0;
    const table = fields.view.value === "table";
    list.hidden = table || matching.length === 0;
    get("list").hidden = !table || matching.length === 0;
    unfold(pages[fields.view.value]);
  }

  function unfold(number) {
    limit = number;
    const laidOut = new Set(matching.slice(0, limit));
    if (fields.view.value === "table") tabulate([...laidOut]);
    else matching.slice(0, AT_ONCE).forEach((card) => build(card.element));
    for (const card of cards) card.element.classList.toggle("laid-out", laidOut.has(card));
    const rest = matching.length - laidOut.size;
    get("more").hidden = rest === 0;
    get("rest").textContent = `Show the other ${count(rest)}`;
  }

  // The units in a table, whose headers sort it.
  const decimals = (value) => (lacks(value) ? "" : value.toFixed(3));
  const columns = [
    ["unit", "unit", (card) => card.unit],
    ["label", "label", (card) => card.label],
    ["verdict", "verdict", (card) => fields.verdict.options[card.verdict].text.replace(/ \(.*/, "")],
    ["f1", "F1", (card) => decimals(card.f1)],
    ["auc", "AUC", (card) => decimals(card.auc)],
    ["p", "p (Holm)", (card) => (lacks(card.p) ? "" : card.p < 0.001 ? card.p.toExponential(1) : decimals(card.p))],
  ];
  if (cards.some((card) => !lacks(card.facets))) {
    columns.push(["facets", "facets", (card) => (lacks(card.facets) ? "" : card.facets)]);
  }
  if (cards.some((card) => card.described)) columns.push(["", "described as", (card) => card.described]);
  const figures = new Set(["unit", "f1", "auc", "p", "facets"]);

  function make(name, inside, attributes = {}) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  }

  function tabulate(shown) {
    const focused = document.activeElement?.dataset?.column;
    const header = columns.map(([key, title]) => {
      const attributes = { scope: "col", class: figures.has(key) ? "figure" : "" };
      if (!key) return make("th", [title], attributes);
      const sorted = order === key;
      const down = falling.has(key) !== backwards;
      if (sorted) attributes["aria-sort"] = down ? "descending" : "ascending";
      const button = make("button", [title + (sorted ? (down ? " ↓" : " ↑") : "")], { type: "button", "data-column": key });
      button.addEventListener("click", () => {
        backwards = sorted && !backwards;
        fields.sort.value = key;
        show();
        remember();
      });
      return make("th", [button], attributes);
    });
    const rows = shown.map((card) => make("tr", columns.map(([key, , value]) => {
      const text = String(value(card));
      if (key === "unit") return make("td", [make("a", [text], { href: "#unit-" + text })], { class: "figure" });
      if (key === "verdict") return make("td", [make("i", [], { class: "sign " + card.kind }), text], { class: "verdict" });
      return make("td", key === "label" ? [make("bdi", [text || "no label"])] : [text], { class: figures.has(key) ? "figure" : "" });
    })));
    const name = make("caption", ["Units; the headers sort them"], { class: "unseen" });
    get("list").replaceChildren(make("table", [name, make("thead", [make("tr", header)]), make("tbody", rows)]));
    if (focused) get("list").querySelector(`[data-column="${focused}"]`)?.focus();
  }

  function remember() {
    const state = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) {
      if (field.value !== initial[name]) state.set(name, field.value);
    }
    if (backwards) state.set("reverse", "1");
    const text = state.toString().replace(/\+/g, "%20");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }

  let restored = false;
  function restore() {
    const hash = location.hash.slice(1);
    const unit = /^unit-\d+$/.test(hash) && get(hash);
    // Links to other parts of the page change nothing.
    if (restored && hash && !unit && !/^(q|verdict|sort|view|reverse)=/.test(hash)) return;
    restored = true;
    const state = new URLSearchParams(unit ? "" : hash);
    for (const [name, field] of Object.entries(fields)) {
      const value = state.get(name) ?? initial[name];
      field.value = name === "verdict" ? value.replace(/\s/g, "-") : value;
      if (field.selectedIndex === -1) field.value = initial[name];
    }
    backwards = state.get("reverse") === "1";
    show();
    if (unit) {
      // With a page below it, so that it can be scrolled to the top, and with neighbours that keep their height.
      const place = matching.findIndex((card) => card.element === unit);
      unfold(place + pages.cards);
      matching.slice(Math.max(place - 2, 0), place + 3).forEach((card) => build(card.element));
      unit.scrollIntoView();
    } else if (/=/.test(hash)) get("controls").scrollIntoView();
  }

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) build(entry.target);
  }, { rootMargin: "800px 0px" });
  for (const card of cards) near.observe(card.element);
  const end = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    unfold(limit + pages[fields.view.value]);
    // Watched anew, or nothing would be noticed where the end is still near.
    end.unobserve(get("more"));
    end.observe(get("more"));
  }, { rootMargin: "1200px 0px" });
  end.observe(get("more"));
  get("rest").addEventListener("click", () => unfold(Infinity));
  addEventListener("beforeprint", () => {
    unfold(Infinity);
    if (fields.view.value === "cards") matching.forEach((card) => build(card.element));
  });

  searchBy(fields.q, () => { show(); remember(); });
  for (const field of [fields.verdict, fields.sort, fields.view]) {
    field.addEventListener("change", () => {
      if (field === fields.sort) backwards = false;
      show();
      remember();
    });
  }
  get("reset").addEventListener("click", () => {
    fields.q.value = fields.verdict.value = "";
    show();
    remember();
    fields.q.focus();
  });
  addEventListener("hashchange", restore);
  restore();
})();
