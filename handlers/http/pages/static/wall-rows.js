// The queues and lines: a row each, whose cells change only when what they say does.

import { Pages } from "./wall-pages.js";
import { spark } from "./wall-spark.js";
import { MEASURES, doing, naming, number, share, t, ticking, titled } from "./wall-words.js";

const LINE = MEASURES.find(({ id }) => id === "unanswered");
/** More rows than this are more than a wall has room for: what needs somebody comes first. */
const MANY = 7;
const marks = document.getElementById("marks").content;

/** The sign of an outlook, or nothing. */
export function mark(outlook) {
  return marks.querySelector(`[data-mark="${outlook}"] svg`)?.cloneNode(true) ?? "";
}

/** Write only what has changed: what is selected, or read aloud, stays so. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show an outlook on a node: by its colour, and by a sign where `sign` is. */
export function stand(node, outlook, sign) {
  if (node.dataset.outlook === outlook) return;
  node.dataset.outlook = outlook;
  sign?.replaceChildren(mark(outlook));
}

function cell(name, label) {
  const td = document.createElement("td");
  td.className = name;
  const [said, value, sign] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  said.className = "label";
  value.className = "value figure";
  sign.className = "mark";
  said.textContent = label;
  td.append(said, " ", value, " ", sign);
  return { td, value, sign, note: null };
}

class Row {
  constructor(limits) {
    this.limits = limits;
    this.tr = document.createElement("tr");
    this.head = document.createElement("th");
    this.head.scope = "row";
    this.title = document.createElement("bdi");
    this.head.append(this.title);
    this.waiting = cell("waiting", t("Waiting"));
    this.oldest = cell("oldest", t("Longest"));
    this.measures = new Map(MEASURES.map((one) => [one.id, cell("measured", one.name(limits))]));
    this.agents = cell("agents", t("Agents"));
    this.doing = document.createElement("span");
    this.doing.className = "doing soft";
    this.agents.td.append(this.doing);
    this.spark = document.createElement("td");
    this.spark.className = "spark";
    const cells = [this.waiting, this.oldest, ...this.measures.values(), this.agents].map(({ td }) => td);
    this.tr.append(this.head, ...cells, this.spark);
  }

  tell(told) {
    const certain = told.certain;
    this.told = told;
    this.tr.dataset.certain = String(certain);
    write(this.title, titled(told));
    write(this.waiting.value, number(told.waiting));
    this.waiting.td.dataset.some = String(Boolean(told.waiting));
    for (const one of MEASURES) {
      const [place, measured] = [this.measures.get(one.id), told.measures[one.id]];
      write(place.value, one.write(measured.value, this.limits[one.id]));
      stand(place.td, measured.outlook, place.sign);
    }
    this.staff(told.agents, told.waiting);
  }

  staff(agents, waiting) {
    const nobody = agents !== null && !agents.ready && !agents.ringing && waiting > 0;
    write(this.agents.value, agents === null ? "–" : t("{count} ready", { count: number(agents.ready) }));
    write(this.doing, agents === null ? "" : doing(agents));
    stand(this.agents.td, nobody ? "at_risk" : "", this.agents.sign);
    this.agents.td.dataset.none = String(agents === null);
  }

  /** `age`: seconds since this was told; null: it is not so any more. */
  tick(age) {
    const oldest = this.told.oldest_seconds;
    write(this.oldest.value, oldest === null || age === null ? "–" : ticking(oldest + age));
    if (age === null) write(this.waiting.value, "–");
    stand(this.oldest.td, age !== null && this.told.late ? "missed" : "", this.oldest.sign);
    this.oldest.td.dataset.some = String(oldest !== null && age !== null);
  }
}

function urgency({ late, outlook, waiting }) {
  if (late) return 0;
  const worst = ["missed", "at_risk"].indexOf(outlook);
  return worst >= 0 ? worst + 1 : waiting ? 3 : 4;
}

export class Rows {
  #body = document.getElementById("rows");
  #heads = document.getElementById("heads");
  #more = document.getElementById("more");
  #rows = new Map();
  #limits = null;
  #elsewhere = { late: 0, titles: [] };
  #pages = new Pages(() => this.#show());

  /** What is asked, and how another page is; before all else. */
  ask(limits, turn) {
    this.#limits = limits;
    this.#pages.begin(turn);
    this.#rows.clear();
    this.#body.replaceChildren();
    const heads = [
      [t("Queue or line"), ""],
      [t("Waiting"), t("now")],
      [t("Longest"), t("now")],
      ...MEASURES.map((one) => [one.name(limits), one.asked(limits[one.id])]),
      [t("Agents"), t("now")],
      [t("Unanswered today"), t("by the hour, with its limit")],
    ];
    this.#heads.replaceChildren(
      ...heads.map(([name, asked]) => {
        const th = document.createElement("th");
        th.scope = "col";
        th.textContent = name;
        const small = document.createElement("small");
        small.textContent = asked;
        th.append(small);
        return th;
      }),
    );
  }

  tell({ rows: told, more, elsewhere, page, pages, first }) {
    const many = told.length + more > MANY;
    const ordered = many ? [...told].sort((a, b) => urgency(a) - urgency(b)) : told;
    for (const one of ordered) {
      let row = this.#rows.get(one.id);
      if (!row) this.#rows.set(one.id, (row = new Row(this.#limits)));
      row.tell(one);
    }
    const ids = new Set(told.map(({ id }) => id));
    for (const id of [...this.#rows.keys()]) if (!ids.has(id)) this.#rows.delete(id);
    document.getElementById("wall").dataset.size = many ? "many" : "few";
    const count = this.#heads.querySelector("small");
    if (count) write(count, many ? t("{count} in all", { count: number(told.length + more) }) : "");
    this.#elsewhere = elsewhere;
    this.#pages.tell({ page, pages, first, more }, ordered.map(({ id }) => id));
    this.#show();
  }

  /** Put the rows of this page where they are seen; whatever is the same stays as it is. */
  #show() {
    const shown = new Set(this.#pages.shown);
    const nodes = [...shown].filter((id) => this.#rows.has(id)).map((id) => this.#rows.get(id).tr);
    const same = nodes.length === this.#body.children.length && nodes.every((tr, n) => tr === this.#body.children[n]);
    if (!same) this.#body.replaceChildren(...nodes);
    const unseen = [...this.#rows].filter(([id, { told }]) => told.late && !shown.has(id)).map(([, { told }]) => titled(told));
    const [late, names] = [unseen.length + this.#elsewhere.late, [...unseen, ...this.#elsewhere.titles]];
    this.#more.hidden = !late;
    const said = late ? t("On other pages somebody waits too long: {names}.", { names: naming(names, late) }) : "";
    write(this.#more.lastElementChild, said);
    this.#pages.drawn();
  }

  draw(lines, span) {
    for (const [id, row] of this.#rows) {
      const line = lines[id];
      if (!line?.at.length) row.spark.replaceChildren();
      else row.spark.replaceChildren(this.#line(row, line, span));
    }
  }

  #line(row, line, span) {
    const values = line.unanswered;
    const last = values.length ? values[values.length - 1] : null;
    const label = t("{name}: unanswered in the last 45 to 60 minutes {value}", { name: row.title.textContent, value: share(last) });
    return spark({ at: line.at, values, limit: this.#limits.unanswered, measure: LINE, span, label });
  }

  tick(age) {
    for (const row of this.#rows.values()) row.tick(row.told.certain ? age : null);
    this.#pages.tick(performance.now());
  }

  /** Whether somebody waits too long somewhere. */
  get late() {
    return this.#elsewhere.late > 0 || [...this.#rows.values()].some(({ told }) => told.late);
  }

  /** Nothing of what goes on is known any more. */
  doubt() {
    this.#elsewhere = { late: 0, titles: [] };
    this.#more.hidden = true;
    for (const row of this.#rows.values()) row.staff(null, 0);
  }
}
