// The map: some levels of the tree as nested rectangles. What is kept is filled with the colour of its layer, the rest is hatched.
const map = document.getElementById("map");
const maxGroups = 150, maxInside = 60, maxLevels = 4, maxShapes = 4000;
let looking; // the node that is drawn
let drawn = []; // its children, as they were drawn
let shapes = []; // the node of each rectangle
let drawing, crumbs, said, legend, typeface;
const measure = document.createElement("canvas").getContext("2d");

function startMap() {
  map.hidden = false;
  const choice = (key, label, values) => make("span", {class: "choice", role: "group", "aria-label": label}, ...values.map(([value, name]) =>
    make("button", {type: "button", "data-key": key, "data-value": value, onclick: () => { state[key] = value; writeAddress(); resetMap(); }}, name)));
  const tools = make("div", {class: "tools"});
  if (built) tools.append(choice("map", "Which image", [["before", "Before"], ["after", "After"]]));
  tools.append(choice("group", "Group by", [["package", "Packages"], ["layer", "Layers"], ["folder", "Folders"]]));
  crumbs = make("div", {class: "crumbs", "aria-label": "Where the map is"});
  drawing = make("svg", {class: "drawing", role: "group", "aria-label": "Map of sizes: arrow keys move, Enter opens, Escape goes back"});
  said = make("p", {class: "said"});
  legend = make("ul", {class: "legend"});
  map.append(tools, crumbs, drawing, said, legend);
  drawing.addEventListener("mouseover", (event) => { const node = nodeAt(event.target); if (node) tell(node); });
  drawing.addEventListener("mouseleave", () => tell(looking));
  drawing.addEventListener("click", (event) => { const group = event.target.closest(".group"); if (group) openNode(drawn[+group.dataset.index]); });
  drawing.addEventListener("keydown", moveInMap);
  let width = 0;
  new ResizeObserver(() => { if (map.clientWidth !== width) { width = map.clientWidth; draw(); } }).observe(map);
}

function resetMap() {
  for (const button of map.querySelectorAll(".choice button")) button.setAttribute("aria-pressed", String(state[button.dataset.key] === button.dataset.value));
  looking = rootNode();
  draw();
}

function tell(node) { said.textContent = describe(node, looking.size); }

// nodeAt is the node of a rectangle.
function nodeAt(target) {
  const group = target.closest && target.closest(".group");
  return group && (shapes[+target.dataset.shape] || drawn[+group.dataset.index]);
}

// openNode looks into a folder, and shows a file in the list.
function openNode(node) {
  if (node.leaf) return showPath(pathOf(node.list[0]));
  looking = node;
  draw();
  focusGroup(0);
}

function focusGroup(index) {
  const groups = drawing.querySelectorAll(".group");
  if (!groups.length) return;
  for (const group of groups) group.setAttribute("tabindex", "-1");
  const group = groups[Math.max(0, Math.min(index, groups.length - 1))];
  group.setAttribute("tabindex", "0");
  group.focus({preventScroll: true});
}

function moveInMap(event) {
  const group = event.target.closest(".group");
  if (!group) return;
  const at = +group.dataset.index;
  const to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: drawn.length - 1}[event.key];
  if (to !== undefined) focusGroup(to);
  else if (event.key === "Enter" || event.key === " ") openNode(drawn[at]);
  else if ((event.key === "Escape" || event.key === "Backspace") && looking.parent) {
    const from = looking;
    looking = looking.parent;
    draw();
    focusGroup(drawn.indexOf(from));
  } else return;
  event.preventDefault();
}

function draw() {
  if (!looking || !map.clientWidth) return;
  const width = map.clientWidth, height = Math.round(Math.min(520, Math.max(280, width * 0.5)));
  typeface = getComputedStyle(document.body).fontFamily;
  shapes = [];
  drawing.setAttribute("viewBox", "0 0 " + width + " " + height);
  drawing.setAttribute("height", height);
  drawing.replaceChildren(hatch());
  drawn = shown(looking);
  const places = squarify(drawn.map((node) => node.size), 0, 0, width, height);
  drawn.forEach((node, index) => drawing.append(drawGroup(node, index, places[index])));
  drawCrumbs();
  drawLegend();
  tell(looking);
}

// shown is a node's children, the smallest of very many as one that can be looked into.
function shown(node) {
  const all = split(node);
  if (all.length <= maxGroups) return all;
  if (!node.shown) {
    const small = all.slice(maxGroups - 1);
    const rest = sumUp({name: number(small.length) + " smaller", list: small.flatMap((child) => child.list), step: node.step, depth: node.depth, parent: node, leaf: false});
    node.shown = [...all.slice(0, maxGroups - 1), rest].sort((a, b) => b.size - a.size);
  }
  return node.shown;
}

// hatch is the pattern of what is not kept: it differs from every colour by its lines.
function hatch() {
  return make("defs", {}, make("pattern", {id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse"},
    make("rect", {class: "base", width: 6, height: 6}), make("path", {d: "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"})));
}

function drawGroup(node, index, at) {
  const group = make("g", {class: "group", tabindex: index === 0 ? "0" : "-1", role: "button", "data-index": index,
    "aria-label": describe(node, looking.size), onfocus: () => tell(node)});
  drawNode(group, node, at, 1);
  group.append(make("rect", {class: "outer", x: at.x, y: at.y, width: at.w, height: at.h}));
  return group;
}

// drawNode draws a rectangle, and what is inside where there is room: a line for its name, and the next level below.
function drawNode(group, node, at, level) {
  fill(group, node, at);
  const room = !node.leaf && level < maxLevels && at.w > (level === 1 ? 48 : 90) && at.h > (level === 1 ? 38 : 62) && shapes.length < maxShapes;
  if (!room) return twoLines(group, node, at);
  const strong = level === 1, whole = node.name + "  " + bytes(node.size);
  label(group, fits(whole, at.w - 12, strong) ? whole : node.name, at.x + 6, at.y + 15, at.w - 12, strong);
  const inner = split(node);
  const places = squarify(inner.map((child) => child.size), at.x + 3, at.y + 20, at.w - 6, at.h - 23);
  for (let k = 0; k < inner.length && k < maxInside; k++) {
    if (places[k].w >= 3 && places[k].h >= 3) drawNode(group, inner[k], places[k], level + 1);
  }
}

function twoLines(group, node, at) {
  if (at.w < 40 || at.h < 20) return;
  label(group, node.name, at.x + 5, at.y + 14, at.w - 10);
  if (at.h > 36) label(group, bytes(node.size), at.x + 5, at.y + 29, at.w - 10);
}

// fill draws a rectangle: the kept share of its bytes in colour from the left, the rest hatched.
function fill(group, node, at) {
  const shape = shapes.push(node) - 1;
  const share = node.size > 0 ? node.kept / node.size : 0;
  const solid = share > 0 ? Math.max(Math.min(2, at.w), at.w * share) : 0;
  if (share < 1) group.append(make("rect", {class: "gone frame", x: at.x, y: at.y, width: at.w, height: at.h, "data-shape": shape}));
  if (solid > 0) group.append(make("rect", {class: "frame f" + node.layer % 8, x: at.x, y: at.y, width: solid, height: at.h, "data-shape": shape}));
}

function fits(text, width, strong) {
  measure.font = (strong ? "600 " : "") + "12px " + typeface;
  return measure.measureText(text).width <= width;
}

// label writes text as far as it fits.
function label(group, text, x, y, width, strong) {
  if (!fits(text, width, strong)) {
    let low = 0, high = text.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fits(text.slice(0, middle) + "…", width, strong)) low = middle; else high = middle - 1;
    }
    if (low < 2) return;
    text = text.slice(0, low) + "…";
  }
  group.append(make("text", {x: x, y: y, class: strong ? "strong" : null, "aria-hidden": "true"}, text));
}

function drawCrumbs() {
  const chain = [];
  for (let node = looking; node; node = node.parent) chain.unshift(node);
  crumbs.replaceChildren(...chain.flatMap((node, k) => {
    const last = k === chain.length - 1;
    const part = last ? make("strong", {}, node.name) : make("button", {type: "button", onclick: () => { looking = node; draw(); }}, node.name);
    return k ? ["›", part] : [part];
  }), make("span", {}, "· " + bytes(looking.size)));
}

function drawLegend() {
  const seen = new Set();
  for (const i of looking.list) seen.add(P.layer[i]);
  const items = [...seen].sort((a, b) => a - b).map((layer) => make("li", {}, make("svg", {viewBox: "0 0 16 16", "aria-hidden": "true"},
    make("rect", {class: layer === GONE ? "legendgone" : "f" + layer % 8, width: 16, height: 16, fill: layer === GONE ? "url(#hatch)" : null})),
  make("span", {}, layer === GONE ? "not kept" : (built ? "" : "layer ") + D.layers[layer])));
  legend.replaceChildren(...items);
}
