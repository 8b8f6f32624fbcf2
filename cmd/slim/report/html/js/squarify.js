// squarify lays values out in a rectangle: areas in proportion, shapes near to squares (Bruls, Huizing and van Wijk, 2000). Values come
// largest first, and above 0; each gets {x, y, w, h}.
function squarify(values, x, y, w, h) {
  const places = [];
  const sum = values.reduce((a, b) => a + b, 0);
  if (!(sum > 0) || w <= 0 || h <= 0) return places;
  const scale = w * h / sum;
  let at = 0;
  while (at < values.length) {
    const side = Math.min(w, h);
    let end = at, area = 0, best = Infinity;
    // A row grows along the shorter side while its worst shape gets better.
    while (end < values.length) {
      const next = area + values[end] * scale;
      const worst = Math.max(side * side * values[at] * scale / (next * next), next * next / (side * side * values[end] * scale));
      if (worst > best) break;
      best = worst;
      area = next;
      end++;
    }
    const thick = side > 0 ? area / side : 0;
    let along = 0;
    for (let k = at; k < end; k++) {
      const length = thick > 0 ? values[k] * scale / thick : 0;
      places.push(w >= h ? {x: x, y: y + along, w: thick, h: length} : {x: x + along, y: y, w: length, h: thick});
      along += length;
    }
    if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
    at = end;
  }
  return places;
}
