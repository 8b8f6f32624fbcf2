// What is shown, and its place in the address: report.html#q=/usr/bin&show=all. A fragment without "=" is an ordinary anchor.
const initial = {q: "", show: built ? "kept" : "all", sort: "size", map: built ? "before" : "after", group: "package"};
const allowed = {show: ["kept", "dropped", "all"], sort: ["size", "path", "package"], map: ["before", "after"], group: ["package", "layer", "folder"]};
const state = Object.assign({}, initial);

// readAddress takes the state from the address; false when it says none.
function readAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return false;
  const said = new URLSearchParams(hash);
  Object.assign(state, initial);
  if (said.get("q")) Object.assign(state, {q: said.get("q"), show: "all"});
  for (const [key, values] of Object.entries(allowed)) {
    if (values.includes(said.get(key))) state[key] = said.get(key);
  }
  return true;
}

function writeAddress() {
  const said = new URLSearchParams();
  if (state.q) said.set("q", state.q);
  for (const key of Object.keys(allowed)) {
    if (state[key] !== (key === "show" && state.q ? "all" : initial[key])) said.set(key, state[key]);
  }
  history.replaceState(null, "", "#" + said.toString());
}
