"use strict";
// Draws every chart of a page from the specification beside it. Expressions are interpreted, not evaluated.
const SEPARATORS = { nl: [",", "."], fr: [",", "\u202f"] };
document.addEventListener("DOMContentLoaded", () => {
  const [decimal, thousands] = SEPARATORS[document.documentElement.lang] || [".", ","];
  const formatLocale = { decimal, thousands, grouping: [3], currency: ["", ""] };
  for (const place of document.querySelectorAll(".chart[data-spec]")) {
    const spec = JSON.parse(place.dataset.spec);
    vegaEmbed(place, spec, {
      ast: true, actions: false, formatLocale, logLevel: 1, defaultStyle: false, renderer: "canvas", tooltip: { disableDefaultStyle: true },
    }).catch((error) => { place.textContent = String(error); });
  }
});
