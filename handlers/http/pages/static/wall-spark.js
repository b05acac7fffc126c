// The day of one measure as a line, with its limit as a line, in red where it lies beyond. Values in, nodes out.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [400, 100, 5];
let made = 0;

function node(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

/** Where the axis begins and ends, with the limit well inside: the same rule as that of the first page. */
function scale(values, limit, { above, most }) {
  const known = values.filter((value) => value !== null);
  if (above) return [0, Math.min(most, Math.max(2 * limit, 0.01, ...known))];
  const depth = Math.max(2.5 * (most - limit), 0.01, ...known.map((value) => most - value));
  return [Math.max(0, most - depth), most];
}

/** The points between two gaps. */
function pieces(at, values, x, y) {
  const found = [];
  let piece = null;
  values.forEach((value, index) => {
    if (value === null) piece = null;
    else {
      if (piece === null) found.push((piece = []));
      piece.push([x(at[index]), y(value)]);
    }
  });
  return found;
}

const text = (points) =>
  `M${(points.length === 1 ? [points[0], points[0]] : points).map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/**
 * The picture of `values` at the times `at` (seconds of the day), null where there is no value.
 * `measure`: one of MEASURES; `span`: the times at its left and right; `label`: what it says to who does not see it.
 */
export function spark({ at, values, limit, measure, span, label }) {
  const svg = node("svg", { class: "line", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  node("title", {}, svg).textContent = label;
  const [bottom, top] = scale(values, limit, measure);
  const y = (value) => HEIGHT - EDGE - ((value - bottom) / (top - bottom)) * (HEIGHT - 2 * EDGE);
  const x = (time) => (span[1] > span[0] ? EDGE + ((time - span[0]) / (span[1] - span[0])) * (WIDTH - 2 * EDGE) : WIDTH - EDGE);
  const asked = y(limit);
  const beyond = measure.above ? { y: 0, height: asked } : { y: asked, height: HEIGHT - asked };
  made += 1;
  const clip = `beyond-${made}`;
  node("rect", { x: 0, width: WIDTH, ...beyond }, node("clipPath", { id: clip }, svg));
  node("rect", { class: "zone", x: 0, width: WIDTH, ...beyond }, svg);
  node("path", { class: "limit", d: `M0 ${asked.toFixed(1)}H${WIDTH}` }, svg);
  const over = node("g", { "clip-path": `url(#${clip})` });
  for (const piece of pieces(at, values, x, y)) {
    const drawn = text(piece);
    node("path", { class: "run", d: drawn }, svg);
    const [first, last] = [piece[0][0], piece[piece.length - 1][0]];
    const area = `M${first.toFixed(1)} ${asked.toFixed(1)}L${drawn.slice(1)}L${last.toFixed(1)} ${asked.toFixed(1)}Z`;
    node("path", { class: "excess", d: area }, over);
    node("path", { class: "run beyond", d: drawn }, over);
  }
  svg.append(over);
  const last = values.length - 1;
  if (last >= 0 && values[last] !== null) {
    const bad = measure.above ? values[last] > limit : values[last] < limit;
    node("path", { class: bad ? "dot beyond" : "dot", d: text([[x(at[last]), y(values[last])]]) }, svg);
  }
  return svg;
}
