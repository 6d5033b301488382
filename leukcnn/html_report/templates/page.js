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

  // The rows of a table that have values, without the titles of its sections.
  const rowsOf = (part) => Array.from(part.rows).filter((row) => !row.classList.contains("section"));
  const headingsOf = (table) => Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);

  function sort(table, heading, column) {
    const next = { none: "ascending", ascending: "descending", descending: "none" }[heading.getAttribute("aria-sort")];
    headingsOf(table).forEach((other) => other.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const cell = (row) => row.cells[column];
    const last = (row) => cell(row).dataset.key === "" ? 1 : 0;
    // Sections stay where they are.
    for (const body of table.tBodies) {
      const rows = rowsOf(body).sort((a, b) => Number(a.dataset.place) - Number(b.dataset.place));
      if (next !== "none") {
        // Cells without a value stay last in both directions.
        rows.sort((a, b) => last(a) - last(b) || sign * compare(cell(a), cell(b)));
      }
      body.append(...rows);
    }
  }

  function filter(table, input, status) {
    const wanted = input.value.trim().toLowerCase().split(/\s+/);
    let shown = 0, all = 0;
    for (const body of table.tBodies) {
      const title = body.querySelector("tr.section"), before = shown;
      for (const row of rowsOf(body)) {
        const text = ((title ? title.textContent + " " : "") + row.textContent).toLowerCase();
        row.hidden = !wanted.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
        all += 1;
      }
      if (title) { title.hidden = shown === before; }
    }
    status.textContent = shown + " of " + all + " rows";
  }

  function prepare(table) {
    const rows = rowsOf({ rows: table.querySelectorAll("tbody tr") });
    if (rows.length < 2) { return; }
    rows.forEach((row, place) => { row.dataset.place = place; });
    headingsOf(table).forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, heading, column));
    });
    if (rows.length < 4) { return; }
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
