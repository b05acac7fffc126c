// The picture on the wall: one word for the branch, what goes on, its measures; and, before all, what is not known.

import { Rows, stand, write } from "./wall-rows.js";
import { spark } from "./wall-spark.js";
import { MEASURES, OUTLOOKS, clock, evidence, hour, number, reasons, sentences, t, ticking } from "./wall-words.js";

const at = (id) => document.getElementById(id);
const part = (node, name) => node.querySelector(`[data-part="${name}"]`);

export class View {
  #rows = new Rows();
  #cards = new Map();
  #limits = null;
  #told = null;
  #lines = null;
  #offset = null;
  #heardAt = 0;
  #known = new Map();
  #cut = null;

  /** `name`: one of door, elsewhere, wall. */
  page(name) {
    for (const id of ["door", "elsewhere", "wall"]) at(id).hidden = id !== name;
    at("sound").hidden = name !== "wall";
    if (name !== "wall") write(at("clock"), "");
  }

  /** `turn` asks for another page of queues and lines. */
  welcome({ branch, branches, limits }, turn) {
    this.#limits = limits;
    const list = at("branches");
    while (list.options.length > 1) list.remove(1);
    list.append(...branches.map(({ name, title }) => new Option(title, name, false, name === branch.name)));
    at("choose").hidden = !branches.length;
    at("branch").hidden = Boolean(branches.length) || !branch.title;
    write(at("branch").firstElementChild, branch.title ?? "");
    this.#rows.ask(limits, turn);
    this.#known.clear();
    this.#lines = null;
    this.#measures();
  }

  #measures() {
    at("measures").replaceChildren();
    for (const one of MEASURES) {
      const card = at("measure").content.firstElementChild.cloneNode(true);
      write(part(card, "title"), one.name(this.#limits));
      write(part(card, "asked"), one.asked(this.#limits[one.id]));
      this.#cards.set(one.id, card);
      at("measures").append(card);
    }
  }

  picture({ now, lines }, heardAt) {
    this.#told = now;
    this.#cut = null;
    this.#offset = Date.parse(now.at) - heardAt;
    this.#heardAt = heardAt;
    for (const { id, write: written } of MEASURES) {
      const [card, measured] = [this.#cards.get(id), now.measures[id]];
      write(part(card, "value"), written(measured.value, this.#limits[id]));
      write(part(card, "of"), measured.whole ? t("of {count} calls", { count: number(measured.whole) }) : "");
      stand(card, measured.outlook, part(card, "mark"));
    }
    this.#rows.tell(now);
    // Those of other pages, as they were when they were shown.
    if (now.pages === 1) this.#known.clear();
    for (const { id, title, kind, outlook } of now.rows) this.#known.set(id, { title, kind, outlook });
    if (lines) this.#draw(lines);
    at("part").hidden = now.complete;
    const known = t("Figures since {time}. Earlier calls of today are not known: the database has not answered.", {
      time: hour(new Date(now.since)),
    });
    write(at("part").lastElementChild, now.complete ? "" : known);
    write(at("evidence"), evidence(now.evidence));
    this.#say();
    this.tick(heardAt);
  }

  #draw(lines) {
    this.#lines = lines;
    const drawn = lines.whole;
    const span = [drawn.at[0] ?? 0, drawn.at[drawn.at.length - 1] ?? 0];
    for (const measure of MEASURES) {
      const values = drawn[measure.id];
      const last = values.length ? values[values.length - 1] : null;
      const label = t("{name} over the day; the last 15 minutes: {value}", {
        name: measure.name(this.#limits),
        value: measure.write(last),
      });
      const limit = this.#limits[measure.id];
      part(this.#cards.get(measure.id), "spark").replaceChildren(
        spark({ at: drawn.at, values, limit, measure, span, label }),
      );
    }
    this.#rows.draw(lines.rows, span);
  }

  /** The one word, and why. */
  #say() {
    const [wall, told] = [at("wall"), this.#told];
    const certain = told.certain && this.#cut === null;
    wall.dataset.state = certain ? "live" : "stale";
    wall.dataset.outlook = certain ? told.outlook : "unknown";
    write(at("word"), OUTLOOKS[wall.dataset.outlook]);
    write(at("why"), certain ? sentences(reasons(told, [...this.#known.values()])) : this.#doubt());
    document.title = document.title.replace(/^.*(?= · )/s, OUTLOOKS[wall.dataset.outlook]);
  }

  #doubt() {
    const told = this.#told;
    const before = told.outlook === "no_calls" ? "" : t("Before: {outlook}.", { outlook: OUTLOOKS[told.outlook] });
    if (this.#cut !== null) {
      const time = clock(this.#time(this.#cut));
      return sentences([t("Cut off from the service since {time}; the figures are those of then.", { time }), before]);
    }
    const silent = told.silent.map(({ pbx, since }) =>
      t("PBX {name} is not heard since {time}; the figures may lack calls.", { name: pbx, time: clock(new Date(since)) }),
    );
    return sentences([...silent, before]);
  }

  #time(moment) {
    return new Date(this.#offset + moment);
  }

  /** Nothing is told any more, since that moment; nothing was ever told when there is no picture. */
  cut(since, { unreachable, busy }) {
    if (this.#told === null) {
      write(at("word"), unreachable ? OUTLOOKS.unknown : t("Connecting…"));
      write(at("why"), !unreachable ? "" : busy ? t("The service has no place for this wall at the moment.") : t("The service cannot be reached from this page."));
      return;
    }
    this.#cut ??= since;
    this.#rows.doubt();
    this.#say();
    this.tick(performance.now());
  }

  /** What time does: the clock, and those who wait. */
  tick(now) {
    if (this.#told === null) return;
    const told = this.#told;
    const certain = told.certain && this.#cut === null;
    const age = this.#cut === null ? (now - this.#heardAt) / 1000 : null;
    write(at("clock"), clock(this.#time(now)));
    write(at("waiting"), certain ? number(told.waiting) : "–");
    const oldest = certain && told.oldest_seconds !== null ? told.oldest_seconds + age : null;
    write(at("oldest"), ticking(oldest));
    at("oldest-box").dataset.late = String(certain && this.#rows.late);
    this.#rows.tick(age);
  }

  /** Whether somebody waits too long, as far as that is known now. */
  get late() {
    return this.#told !== null && this.#cut === null && this.#rows.late;
  }

  /** Nothing of what was shown is this viewer's any more. */
  forget() {
    this.#told = this.#lines = this.#cut = null;
    this.#rows.tell({ rows: [], more: 0, elsewhere: { late: 0, titles: [] }, page: 0, pages: 1, first: 0 });
    at("wall").dataset.state = "connecting";
    at("wall").dataset.outlook = "unknown";
    for (const id of ["waiting", "oldest"]) write(at(id), "–");
    write(at("evidence"), "");
    this.cut(0, { unreachable: false });
  }
}
