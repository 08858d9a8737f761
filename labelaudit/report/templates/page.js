"use strict";
// Sorts tables by a column, and opens what is folded before the page is printed. All can be read without it.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const number = head.classList.contains("n");
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : number;
      const key = (row) => {
        const cell = row.cells[column];
        return number ? Number(cell.dataset.value) : cell.textContent.trim();
      };
      const order = (a, b) => (number ? key(a) - key(b) : key(a).localeCompare(key(b)));
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => (down ? order(b, a) : order(a, b)));
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows);
    });
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
