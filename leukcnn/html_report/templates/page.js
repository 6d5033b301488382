"use strict";
// Sorts and filters the tables; without this script the page shows the same rows.
(function () {
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function compare(a, b, column) {
    const one = a.cells[column], other = b.cells[column];
    const empty = (cell) => cell.dataset.key === undefined || cell.dataset.key === "nan";
    const numbers = !empty(one) && !empty(other);
    if (numbers) { return Number(one.dataset.key) - Number(other.dataset.key); }
    if (!empty(one) || !empty(other)) { return empty(one) ? Infinity : -Infinity; }
    return words.compare(one.textContent.trim(), other.textContent.trim());
  }

  function sort(table, heading, column) {
    const body = table.tBodies[0];
    const before = heading.getAttribute("aria-sort");
    const next = { none: "ascending", ascending: "descending", descending: "none" }[before];
    for (const other of table.tHead.rows[0].cells) { other.setAttribute("aria-sort", "none"); }
    heading.setAttribute("aria-sort", next);
    const rows = Array.from(body.rows);
    rows.sort((a, b) => Number(a.dataset.place) - Number(b.dataset.place));
    if (next !== "none") {
      // Cells without a value stay last in both directions.
      const sign = next === "ascending" ? 1 : -1;
      rows.sort((a, b) => { const c = compare(a, b, column); return Number.isFinite(c) ? sign * c : c > 0 ? 1 : -1; });
    }
    body.append(...rows);
  }

  function filter(table, input, status) {
    const wanted = input.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    status.textContent = shown + " of " + table.tBodies[0].rows.length + " rows";
  }

  function prepare(table) {
    const body = table.tBodies[0];
    if (body.rows.length < 2) { return; }
    Array.from(body.rows).forEach((row, place) => { row.dataset.place = place; });
    Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, heading, column));
    });
    if (body.rows.length < 5) { return; }
    const label = document.createElement("label"), input = document.createElement("input");
    const status = document.createElement("span"), line = document.createElement("div");
    input.type = "search";
    status.setAttribute("role", "status");
    line.className = "filter";
    label.append("Filter rows ", input);
    line.append(label, status);
    input.addEventListener("input", () => filter(table, input, status));
    table.closest(".scroll").before(line);
  }

  document.querySelectorAll("table.sortable").forEach(prepare);

  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => { closed.forEach((one) => { one.open = false; }); });
  // A link to a closed part opens it.
  function reveal() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const part = target && target.closest("details");
    if (part) { part.open = true; target.scrollIntoView(); }
  }
  window.addEventListener("hashchange", reveal);
  reveal();
})();
