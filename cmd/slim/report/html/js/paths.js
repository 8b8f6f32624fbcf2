// The list of paths: only the rows in sight are in the document, so that a hundred thousand stay quick.
const box = document.getElementById("list");
const overscan = 8;
let matches = [], picked = -1; // what is listed, and the place in it that is picked
let input, show, sort, rows, space, found, detail;

function startPaths() {
  box.hidden = false;
  input = make("input", {id: "q", type: "search", placeholder: "Search paths", "aria-label": "Search paths", autocomplete: "off", spellcheck: "false", oninput: later(() => { state.q = input.value; changed(); })});
  show = select("Show", [["kept", "kept"], ["dropped", "not kept"], ["all", "all"]], (value) => { state.show = value; changed(); });
  sort = select("Sort by", [["size", "size"], ["path", "path"], ["package", "package"]], (value) => { state.sort = value; changed(); });
  found = make("p", {class: "hint", role: "status"});
  space = make("div", {class: "space"});
  rows = make("div", {class: "rows", role: "listbox", tabindex: "0", "aria-label": "Paths", onkeydown: moveInList}, space);
  detail = make("div", {class: "detail", "aria-live": "polite"});
  const tools = make("div", {class: "tools"}, input);
  if (built) tools.append(show.parentNode);
  tools.append(sort.parentNode);
  box.append(tools, make("p", {class: "hint"}, built ? "Words that the path has; pkg:NAME, why:TEXT, layer:NAME and kind:symlink narrow it down." : "Words that the path has; pkg:NAME, layer:NUMBER and kind:symlink narrow it down."),
    found, heads(), rows, detail);
  let waiting = false;
  rows.addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; drawRows(); }); } });
  rows.addEventListener("click", (event) => { const row = event.target.closest(".row"); if (row) pick(+row.dataset.at); });
  new ResizeObserver(drawRows).observe(rows);
}

function later(work) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(work, 120); };
}

function select(label, options, chosen) {
  const node = make("select", {}, ...options.map(([value, name]) => make("option", {value: value}, name)));
  node.addEventListener("change", () => chosen(node.value));
  make("label", {}, label, node);
  return node;
}

function heads() {
  const head = (name, key, cls) => make("span", {class: cls || null}, key ? make("button", {type: "button", title: "Sort by " + key, onclick: () => { state.sort = key; changed(); }}, name) : name);
  return make("div", {class: "heads"}, head("Path", "path"), head("Size", "size", "number"), head("Package", "package"), head("Layer"), head(built ? "Why" : "Mode and owner"));
}

function changed() {
  writeAddress();
  search();
}

// search lists what the state asks for. What a query finds is picked at once: an address leads to one path.
function search() {
  input.value = state.q;
  show.value = state.show;
  sort.value = state.sort;
  matches = order(find(state.q, state.show), state.sort);
  const exact = matches.findIndex((i) => pathOf(i) === state.q);
  let bytesOf = 0;
  for (const i of matches) bytesOf += P.size[i];
  const what = !built ? "" : state.show === "kept" ? " kept" : state.show === "dropped" ? " not kept" : "";
  found.textContent = files(matches.length) + what + ", " + bytes(bytesOf) + (D.omitted ? "; " + files(D.omitted) + " of this image are too many for this page and only counted" : "");
  if (!matches.length && state.show !== "all") {
    const more = find(state.q, "all").length;
    if (more) found.append("; " + number(more) + " others match: ", make("button", {type: "button", onclick: () => { state.show = "all"; changed(); }}, "Show all"));
  }
  rows.scrollTop = 0;
  picked = -1;
  pick(exact >= 0 ? exact : state.q && matches.length ? 0 : -1);
}

function rowHeight() { return parseFloat(getComputedStyle(rows).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize); }

function drawRows() {
  const high = rowHeight();
  const from = Math.max(0, Math.floor(rows.scrollTop / high) - overscan);
  const to = Math.min(matches.length, Math.ceil((rows.scrollTop + rows.clientHeight) / high) + overscan);
  space.style.height = matches.length * high + "px";
  const list = [];
  for (let at = from; at < to; at++) list.push(drawRow(at, high));
  space.replaceChildren(...list);
  if (picked >= from && picked < to) rows.setAttribute("aria-activedescendant", "row" + picked); else rows.removeAttribute("aria-activedescendant");
}

function drawRow(at, high) {
  const i = matches[at], path = pathOf(i), why = built ? D.whys[P.why[i]].length ? clauseText(clauses(P.why[i])[0]) : "" : noteOf(i);
  const more = built ? D.whys[P.why[i]].length / 2 - 1 : 0;
  const row = make("div", {class: kept(i) ? "row" : "row gone", role: "option", id: "row" + at, "data-at": at, "aria-selected": String(at === picked), "aria-posinset": at + 1, "aria-setsize": matches.length},
    make("span", {class: "path mono", title: path}, path + (kindOf(i) === "dir" ? "/" : "")), make("span", {class: "size number"}, kindOf(i) === "file" ? bytes(P.size[i]) : kindOf(i)),
    make("span", {class: "package soft"}, packageOf(i)), make("span", {class: "layer"}, built ? layerOf(i) : "layer " + P.layer[i]),
    make("span", {class: "why soft"}, why + (more > 0 ? " (+" + more + ")" : "")));
  row.style.top = at * high + "px";
  return row;
}

function moveInList(event) {
  const page = Math.max(1, Math.floor(rows.clientHeight / rowHeight()) - 1);
  const to = {ArrowDown: picked + 1, ArrowUp: picked - 1, PageDown: picked + page, PageUp: picked - page, Home: 0, End: matches.length - 1}[event.key];
  if (to === undefined) return;
  event.preventDefault();
  pick(Math.max(0, Math.min(to, matches.length - 1)));
}

// pick chooses a row, brings it into sight and tells all about it.
function pick(at) {
  picked = matches.length ? at : -1;
  if (picked >= 0) {
    const high = rowHeight(), top = picked * high;
    if (top < rows.scrollTop) rows.scrollTop = top;
    else if (top + high > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + high - rows.clientHeight;
  }
  drawRows();
  showDetail(picked < 0 ? -1 : matches[picked]);
}
