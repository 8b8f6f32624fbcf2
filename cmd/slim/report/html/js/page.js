// The page starts: from the address, and again whenever that changes.
function start() {
  startMap();
  startPaths();
  readAddress();
  resetMap();
  search();
  if (state.q) box.scrollIntoView();
  window.addEventListener("hashchange", () => {
    if (!readAddress()) return;
    resetMap();
    search();
    if (state.q) box.scrollIntoView();
  });
  document.documentElement.dataset.ready = "true";
}
start();
