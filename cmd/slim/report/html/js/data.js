// The list of paths as Go packed it: a column has one entry for each path, strings stand once.
const D = JSON.parse(document.getElementById("data").textContent);
const P = D.paths;
const total = (P.name || []).length;
const built = D.kind === "build";
const GONE = -1; // the layer of a path that is not kept

const dirDepth = new Int32Array(D.dirs.name.length);
const dirPath = D.dirs.name.map(() => "");
for (let d = 1; d < dirDepth.length; d++) {
  dirDepth[d] = dirDepth[D.dirs.parent[d]] + 1;
  dirPath[d] = dirPath[D.dirs.parent[d]] + "/" + D.dirs.name[d];
}

function pathOf(i) { return dirPath[P.dir[i]] + "/" + P.name[i]; }
function kept(i) { return P.layer[i] !== GONE; }
function kindOf(i) { return D.kinds[P.kind[i]]; }
function packageOf(i) { return D.packages[P.pkg[i]]; }
function noteOf(i) { return D.notes[P.note[i]]; }
function layerOf(i) { return kept(i) ? D.layers[P.layer[i]] : "not kept"; }

// clauses are the reasons of a list of reasons: {rule, from, path}, where path is the number of a path of this list, or -1.
function clauses(why) {
  const flat = D.whys[why], list = [];
  for (let k = 0; k < flat.length; k += 2) {
    const from = flat[k + 1];
    list.push({rule: D.rules[flat[k]], path: from > 0 ? from - 1 : -1, from: from > 0 ? pathOf(from - 1) : from < 0 ? D.texts[-from - 1] : ""});
  }
  return list;
}

function clauseText(c) { return c.from ? c.rule + " " + c.from : c.rule; }

// Sizes and numbers as the rest of the page prints them.
function bytes(n) {
  if (n < 1e3) return n + " B";
  if (n < 1e6) return (n / 1e3).toFixed(1) + " kB";
  if (n < 1e9) return (n / 1e6).toFixed(1) + " MB";
  return (n / 1e9).toFixed(2) + " GB";
}
function number(n) { return n.toLocaleString("en-US"); }
function percent(n, whole) {
  const p = whole > 0 ? 100 * n / whole : 0;
  return (p > 0 && p < 9.95 ? p.toFixed(1) : p.toFixed(0)) + "%";
}
function files(n) { return n === 1 ? "1 path" : number(n) + " paths"; }

// make creates an element with attributes and children; text never becomes markup.
function make(name, attributes, ...children) {
  const svg = ["svg", "g", "rect", "text", "path", "pattern", "defs"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}
