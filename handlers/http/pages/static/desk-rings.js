// The picture of the rings: one arc a ring, the newest filling as it rings.

const SVG = "http://www.w3.org/2000/svg";
const MOST_ARCS = 6;

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** How many rings against the limit: "within", "last" (the last one that keeps the standard), "beyond". */
export function verdict(count, limit) {
  return count > limit ? "beyond" : count === limit ? "last" : "within";
}

/** Arcs around a telephone, as in the mark of the house. */
export class RingPicture {
  #arcs = [];

  constructor(limit) {
    const number = Math.min(limit, MOST_ARCS);
    const [near, far] = [26, 88];
    this.element = element("svg", { viewBox: "0 0 104 104", class: "rings", "aria-hidden": "true" });
    this.element.append(element("circle", { cx: 10, cy: 94, r: 8, class: "source" }));
    for (let index = 0; index < number; index += 1) {
      const radius = far - (number === 1 ? 0 : ((far - near) / (number - 1)) * (number - 1 - index));
      const path = `M10 ${94 - radius}A${radius} ${radius} 0 0 1 ${10 + radius} 94`;
      const arc = element("path", { d: path, class: "arc", pathLength: 1, "stroke-dasharray": "1 2" });
      this.element.append(element("path", { d: path, class: "track" }), arc);
      this.#arcs.push(arc);
    }
  }

  /** `count` rings, `share` of the last one gone by. */
  show(count, share) {
    this.#arcs.forEach((arc, index) => {
      const filled = index + 1 < count ? 1 : index + 1 === count ? share : 0;
      arc.setAttribute("stroke-dashoffset", (1 - Math.min(1, filled)).toFixed(3));
      arc.classList.toggle("empty", filled === 0);
    });
  }
}
