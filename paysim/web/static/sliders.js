"use strict";
// Keeps a slider and its number alike, and leaves the file button to the browser.
document.addEventListener("DOMContentLoaded", () => {
  for (const slider of document.querySelectorAll("input[type=range][data-for]")) {
    const number = document.getElementById(slider.dataset.for);
    slider.addEventListener("input", () => { number.value = slider.value; });
    number.addEventListener("input", () => { slider.value = number.value; });
  }
});
