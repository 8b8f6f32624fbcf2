// What is known about one path.
function showDetail(i) {
  if (i < 0) {
    detail.replaceChildren(make("p", {class: "hint"}, built ? "Pick a path to see every reason for it." : "Pick a path to see more."));
    return;
  }
  const facts = [kindOf(i) === "file" ? bytes(P.size[i]) : kindOf(i), packageOf(i) ? "package " + packageOf(i) : "no package", noteOf(i)];
  if (kept(i)) facts.splice(2, 0, "layer " + layerOf(i));
  detail.replaceChildren(make("h3", {class: "mono"}, pathOf(i)), make("p", {}, facts.filter((fact) => fact).join(" · ")));
  const list = clauses(P.why[i]);
  if (!built) {
    if (list.length) detail.append(make("p", {}, list[0].rule + " ", make("code", {}, list[0].from)));
  } else if (kept(i)) {
    detail.append(make("p", {}, list.length === 1 ? "It is kept for one reason:" : "It is kept for " + list.length + " reasons:"), make("ul", {}, ...list.map((c) => make("li", {}, ...reason(c)))));
  } else {
    detail.append(make("p", {}, "It is not kept: " + list.map(clauseText).join("; ") + "."), ...hints(i));
  }
}

// reason is a clause whose path can be followed.
function reason(c) {
  if (!c.from) return [c.rule];
  const from = make("code", {}, c.from);
  return [c.rule + " ", c.path < 0 ? from : make("a", {href: "#" + new URLSearchParams({q: c.from}), onclick: (event) => { event.preventDefault(); showPath(c.from); }}, from)];
}

// hints are the flags that would keep a path. A name with escapes, or with marks of a pattern, is none that --include finds.
function hints(i) {
  const flags = [];
  if (!/[\\*?[\]{}]/.test(pathOf(i))) flags.push("--include " + word(pathOf(i)));
  if (packageOf(i)) flags.push("--include-package " + word(packageOf(i)));
  if (!flags.length) return [];
  return [make("p", {}, "To keep it: ", ...flags.flatMap((flag, k) => k ? [" or ", make("code", {}, flag)] : [make("code", {}, flag)]))];
}

// word writes a word as a shell reads it.
function word(text) { return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'"; }

// showPath searches for one path and brings the list into sight.
function showPath(path) {
  Object.assign(state, {q: path.includes(" ") ? '"' + path + '"' : path, show: "all"});
  changed();
  const exact = matches.findIndex((i) => pathOf(i) === path);
  if (exact >= 0) pick(exact);
  box.scrollIntoView({block: "nearest"});
}
