"use strict";
(async () => {
  const told = JSON.parse(document.getElementById("charts").textContent);
  const views = new Map();

  const records = (name) => {
    const { columns, rows } = told.tables[name];
    return rows.map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place]])));
  };

  // A cell that a spreadsheet would take for a formula is told as text.
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    let text = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const csv = (name) => {
    const { columns, rows } = told.tables[name];
    return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  };

  for (const link of document.querySelectorAll("a.csv")) {
    const text = csv(told.files[link.dataset.file]);
    // The mark at the start tells spreadsheets that the words are in UTF-8.
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  }

  const contents = document.querySelector(".contents details");
  if (contents && window.matchMedia("(max-width: 64rem)").matches) contents.open = false;

  const options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    // Expressions are interpreted, so that the page needs no right to evaluate text as code.
    ast: true,
    defaultStyle: false,
    tooltip: { theme: "custom", disableDefaultStyle: true },
    ...(told.locale ? { timeFormatLocale: told.locale } : {}),
  };
  for (const plot of document.querySelectorAll("[data-chart]")) {
    const spec = told.charts[plot.dataset.chart];
    spec.datasets = Object.fromEntries(spec.usermeta.tables.map((name) => [name, records(name)]));
    delete spec.usermeta;
    // What it says to those who do not see it: else it would be called "Vega visualization".
    spec.description = plot.getAttribute("aria-label");
    try {
      const { view } = await window.vegaEmbed(plot, spec, options);
      plot.setAttribute("role", "img");
      views.set(plot, view);
    } catch (error) {
      console.error(plot.dataset.chart, error);
    }
  }
  document.documentElement.dataset.drawn = String(views.size);

  // Paper has a size of its own: charts are drawn anew for it, so that their words stay legible,
  // and curves a little lower, so that two sections fit on a page.
  const [half, whole, low] = [318, 668, 190];
  const heights = new Map([...views.values()].map((view) => [view, view.height()]));
  window.addEventListener("beforeprint", () => {
    for (const [plot, view] of views) {
      view.width(plot.closest(".wide") ? whole : half);
      if (plot.dataset.curve !== undefined) view.height(Math.min(heights.get(view), low));
      view.run();
    }
  });
  window.addEventListener("afterprint", () => {
    for (const [plot, view] of views) view.width(plot.clientWidth).height(heights.get(view)).run();
  });
})();
