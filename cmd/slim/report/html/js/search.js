// Searching the paths: words that a path has, and pkg:NAME, why:TEXT, layer:NAME, kind:NAME. All of them must hold.
let lowered; // every path in lower case, made at the first search

function words(query) {
  const list = [];
  for (const [, key, quoted, plain] of query.matchAll(/(?:(pkg|why|layer|kind):)?(?:"([^"]*)"|(\S+))/g)) {
    const word = (quoted !== undefined ? quoted : plain).toLowerCase();
    if (word) list.push({key: key || "", word: word});
  }
  return list;
}

// test makes a function of the number of a path out of a word.
function test({key, word}) {
  if (key === "pkg") { const match = D.packages.map((name) => name.toLowerCase() === word); return (i) => match[P.pkg[i]]; }
  if (key === "kind") return (i) => kindOf(i) === word;
  if (key === "layer") return (i) => layerOf(i).toLowerCase() === word || String(P.layer[i]) === word;
  if (key === "why") {
    const match = D.whys.map((_, why) => clauses(why).some((c) => clauseText(c).toLowerCase().includes(word)));
    return (i) => match[P.why[i]];
  }
  lowered = lowered || P.name.map((_, i) => pathOf(i).toLowerCase());
  return (i) => lowered[i].includes(word);
}

// find lists the numbers of the paths that a query matches; show is "kept", "dropped" or "all".
function find(query, show) {
  const tests = words(query).map(test), list = [];
  next: for (let i = 0; i < total; i++) {
    if (show !== "all" && kept(i) !== (show === "kept")) continue;
    for (const each of tests) if (!each(i)) continue next;
    list.push(i);
  }
  return list;
}

// order sorts in place; paths come sorted by path.
function order(list, by) {
  if (by === "size") list.sort((a, b) => P.size[b] - P.size[a] || a - b);
  if (by === "package") {
    const rank = new Map([...D.packages.keys()].sort((a, b) => D.packages[a] < D.packages[b] ? -1 : 1).map((pkg, k) => [pkg, k]));
    list.sort((a, b) => rank.get(P.pkg[a]) - rank.get(P.pkg[b]) || a - b);
  }
  return list;
}
