"use strict";
// Draws every chart of a page from the specification beside it. Expressions are interpreted, not evaluated.
document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".chart[data-spec]")) {
    const spec = JSON.parse(place.dataset.spec);
    vegaEmbed(place, spec, {
      ast: true, actions: false, logLevel: 1, defaultStyle: false, renderer: "canvas", tooltip: { disableDefaultStyle: true },
    }).catch((error) => { place.textContent = String(error); });
  }
});
