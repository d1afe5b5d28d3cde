// Search, filter and order of the units of two runs, kept in the address: index.html#q=tree&change=changed&sort=rise
(() => {
  const get = (id) => document.getElementById(id);
  if (!get("rows")) return;
  const fields = { q: get("q"), change: get("change"), verdict: get("verdict"), sort: get("sort") };
  const initial = { q: "", change: "", verdict: "", sort: "unit" };
  const rows = Array.from(get("rows").children, (element) => {
    const { unit, change, first, second, auc1, auc2 } = element.dataset;
    const [a, b] = [Number(auc1 ?? NaN), Number(auc2 ?? NaN)];
    const words = Array.from(element.querySelectorAll(".label, .shared"), (cell) => cell.textContent).join(" | ");
    const confirmed = [first, second].map((verdict) => verdict === "confirmed");
    const verdict = confirmed[0] ? (confirmed[1] ? "both" : "lost") : confirmed[1] ? "gained" : "";
    return { element, unit: Number(unit), change, verdict, text: fold(words), first: a, second: b, rise: b - a, fall: a - b };
  });

  function query(text) {
    const among = unitsIn(text), parts = terms(text).map(({ phrase, word }) => fold(phrase ?? word));
    return among ? (row) => among(row.unit) : (row) => parts.every((part) => row.text.includes(part));
  }

  let ordered = "unit";
  function show() {
    const matches = query(fields.q.value);
    const { change, verdict, sort } = { change: fields.change.value, verdict: fields.verdict.value, sort: fields.sort.value };
    if (sort !== ordered) {
      ordered = sort;
      // What has no value comes last; equal values stay in the order of the units.
      const lacks = (row) => Number.isNaN(row[sort]);
      const before = sort === "unit" ? (a, b) => a.unit - b.unit : (a, b) => b[sort] - a[sort];
      rows.sort((a, b) => lacks(a) - lacks(b) || (lacks(a) ? 0 : before(a, b)) || a.unit - b.unit);
      get("rows").append(...rows.map((row) => row.element));
    }
    let shown = 0;
    for (const row of rows) {
      const kept = (!change || row.change === change) && (!verdict || row.verdict === verdict) && matches(row);
      row.element.hidden = !kept;
      shown += kept;
    }
    const part = shown === rows.length ? "" : `${count(shown)} of `;
    get("shown").textContent = `${part}${count(rows.length)} ${rows.length === 1 ? "unit" : "units"}`;
    get("nothing").hidden = shown > 0;
    get("list").hidden = shown === 0;
  }

  function remember() {
    const state = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) if (field.value !== initial[name]) state.set(name, field.value);
    const text = state.toString().replace(/\+/g, "%20");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }

  function restore() {
    const hash = location.hash.slice(1);
    // Links to other parts of the page change nothing.
    if (hash && !/^(q|change|verdict|sort)=/.test(hash)) return;
    const state = new URLSearchParams(hash);
    for (const [name, field] of Object.entries(fields)) {
      field.value = state.get(name) ?? initial[name];
      if (field.selectedIndex === -1) field.value = initial[name];
    }
    show();
    if (hash) get("controls").scrollIntoView();
  }

  searchBy(fields.q, () => { show(); remember(); });
  for (const field of [fields.change, fields.verdict, fields.sort]) {
    field.addEventListener("change", () => { show(); remember(); });
  }
  get("reset").addEventListener("click", () => {
    fields.q.value = fields.change.value = fields.verdict.value = "";
    show();
    remember();
    fields.q.focus();
  });
  addEventListener("hashchange", restore);
  restore();
})();
