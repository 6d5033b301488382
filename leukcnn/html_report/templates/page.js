"use strict";
// Sorts and filters the tables; without this script the page shows the same rows.
(function () {
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // A cell has the number that it is sorted by, "" if it has no value, or nothing if it is text.
  function compare(a, b) {
    const one = a.dataset.key, other = b.dataset.key;
    return one === undefined || other === undefined
      ? words.compare(a.textContent.trim(), b.textContent.trim())
      : Number(one) - Number(other);
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
      const sign = next === "ascending" ? 1 : -1;
      const cell = (row) => row.cells[column];
      const last = (row) => cell(row).dataset.key === "" ? 1 : 0;
      // Cells without a value stay last in both directions.
      rows.sort((a, b) => last(a) - last(b) || sign * compare(cell(a), cell(b)));
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
