// The tree behind the map. A node is a set of paths; it is split when it is looked into: first by what the map groups by, then by folder.
const steps = {
  package: [(i) => packageOf(i) || "(no package)"],
  layer: [layerOf, (i) => packageOf(i) || "(no package)"],
  folder: [],
};

// rootNode is every path that the map shows: before has what is not kept, and not what slim made.
function rootNode() {
  const list = [], before = state.map === "before";
  for (let i = 0; i < total; i++) {
    if (P.size[i] > 0 && (before ? !noteOf(i).startsWith("made by slim") : kept(i))) list.push(i);
  }
  return sumUp({name: "Everything", list: list, step: 0, depth: 0, parent: null, leaf: false});
}

// sumUp adds a node's paths up, and finds the layer that most of its kept bytes are in: its colour.
function sumUp(node) {
  node.size = node.kept = node.keptCount = 0;
  const layers = new Map();
  for (const i of node.list) {
    node.size += P.size[i];
    if (!kept(i)) continue;
    node.kept += P.size[i];
    node.keptCount++;
    layers.set(P.layer[i], (layers.get(P.layer[i]) || 0) + P.size[i]);
  }
  node.layer = [...layers].reduce((best, each) => each[1] > best[1] ? each : best, [GONE, -1])[0];
  return node;
}

// ancestor is the directory above a path at a depth below the root.
function ancestor(i, depth) {
  let d = P.dir[i];
  while (dirDepth[d] > depth) d = D.dirs.parent[d];
  return d;
}

// split gives a node's children, the largest first. A folder that holds only one folder is passed over.
function split(node) {
  if (node.leaf) return [];
  if (node.children) return node.children;
  const by = steps[state.group][node.step];
  let depth = node.depth, groups = new Map();
  for (;;) {
    groups.clear();
    for (const i of node.list) {
      const key = by ? by(i) : dirDepth[P.dir[i]] > depth ? ancestor(i, depth + 1) : "file " + i;
      if (groups.has(key)) groups.get(key).push(i); else groups.set(key, [i]);
    }
    if (by || groups.size !== 1 || typeof groups.keys().next().value === "string") break;
    depth++;
  }
  node.children = [...groups].map(([key, list]) => {
    if (by) return sumUp({name: key, list: list, step: node.step + 1, depth: 0, parent: node, leaf: false});
    const leaf = typeof key === "string";
    const name = leaf ? P.name[list[0]] : dirPath[key].split("/").slice(node.depth + 1).join("/") + "/";
    return sumUp({name: name, list: list, step: node.step, depth: depth + 1, parent: node, leaf: leaf});
  }).sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return node.children;
}

// describe says what a node is in one sentence.
function describe(node, whole) {
  let text = node.name + ": " + bytes(node.size) + ", " + percent(node.size, whole) + " of " + bytes(whole);
  if (node.leaf) {
    const i = node.list[0];
    return text + "; " + (built ? (kept(i) ? "kept in layer " + layerOf(i) : "not kept") : "layer " + layerOf(i));
  }
  if (state.map === "before") return text + "; " + bytes(node.kept) + " (" + percent(node.kept, node.size) + ") kept, " + number(node.keptCount) + " of " + files(node.list.length);
  return text + " in " + files(node.list.length);
}
