"use strict";
// Draws every chart of a page from the specification beside it. Expressions are interpreted, not evaluated.
const SEPARATORS = { nl: [",", "."], fr: [",", "\u202f"] };
function draw(place) {
  const [decimal, thousands] = SEPARATORS[document.documentElement.lang] || [".", ","];
  const formatLocale = { decimal, thousands, grouping: [3], currency: ["", ""] };
  const spec = JSON.parse(place.dataset.spec);
  if (place.clientWidth < 600) { // a telephone, or text at twice its size
    spec.config.legend.columns = 1;
    spec.config.axis.labelLimit = Math.round(place.clientWidth / 3);
  }
  vegaEmbed(place, spec, {
    ast: true, actions: false, formatLocale, logLevel: 1, defaultStyle: false, renderer: "canvas", tooltip: { disableDefaultStyle: true },
  }).catch((error) => { place.textContent = String(error); });
}
document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".chart[data-spec]")) {
    const closed = place.closest("details:not([open])"); // has no width until it is opened
    if (closed) closed.addEventListener("toggle", () => draw(place), { once: true });
    else draw(place);
  }
});
