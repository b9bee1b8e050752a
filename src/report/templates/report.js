"use strict";
(() => {
  // Filters of sightings. Without script the page shows everything.
  for (const section of document.querySelectorAll(".sightings")) {
    const bar = section.querySelector(".filter");
    if (!bar) continue;
    const cards = [...section.querySelectorAll(".card")];
    const choices = [...bar.querySelectorAll("[data-filter]")];
    const said = bar.querySelector("output");
    const aside = section.querySelector("details.aside");
    let unfolded = null; // Whether what is folded away was open before anything was filtered.
    const apply = () => {
      const wanted = choices.map((choice) => choice.value).filter(Boolean);
      let shown = 0;
      for (const card of cards) {
        const has = card.dataset.tokens.split(" ");
        card.hidden = !wanted.every((token) => has.includes(token));
        if (!card.hidden) shown += 1;
      }
      if (aside) {
        const holds = cards.some((card) => !card.hidden && aside.contains(card));
        if (wanted.length && unfolded === null) unfolded = aside.open;
        aside.hidden = !holds;
        if (wanted.length) aside.open = holds;
        else if (unfolded !== null) [aside.open, unfolded] = [unfolded, null];
      }
      said.textContent = wanted.length ? `${shown} of ${cards.length} shown` : "";
    };
    bar.hidden = cards.length < 2;
    bar.addEventListener("change", apply);
    // A link to a card that is filtered away brings it back.
    const reveal = () => {
      const target = document.getElementById(location.hash.slice(1));
      if (!target || !section.contains(target)) return;
      const folded = target.closest("details:not([open])");
      if (!target.hidden && !folded) return;
      if (target.hidden) {
        for (const choice of choices) choice.value = "";
        apply();
      }
      if (aside && aside.contains(target)) aside.open = true;
      target.scrollIntoView();
    };
    addEventListener("hashchange", reveal);
    reveal();
  }
  // Sorting by column.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const order = (a, b) => {
          const [x, y] = [key(a), key(b)];
          return x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y, "en");
        };
        const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? order(b, a) : order(a, b)));
        table.tBodies[0].append(...rows);
      });
    });
  }
  // Paper cannot be unfolded: print everything, and fold it again.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
    folded = [];
  });
})();
