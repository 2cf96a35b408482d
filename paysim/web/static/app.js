"use strict";
// Leaving a page while a part of it is fetched is no error: the request that ends then is not reported as one.
let fetching = null;
document.addEventListener("htmx:beforeSend", (event) => { fetching = event.detail.xhr; });
window.addEventListener("beforeunload", () => {
  if (fetching) { fetching.onabort = null; fetching.onerror = null; }
});
