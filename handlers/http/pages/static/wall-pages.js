// More queues and lines than there is room for: pages that turn by themselves, or by hand; each is on one of them.
// The service gives forty at a time; of these a wide window, which nobody scrolls, shows as many as fit.

import { number, t } from "./wall-words.js";

const TURN = 12_000;
/** So few rows are on a page even where fewer fit. */
const LEAST = 3;
/** One row more must fit by so much of a row. */
const SPARE = 0.15;
const WIDE = matchMedia("(min-width: 64rem)");
const at = (id) => document.getElementById(id);

export class Pages {
  #ask = () => {};
  #told = { page: 0, pages: 1, first: 0, more: 0 };
  #wanted = 0;
  #ids = [];
  #order = [];
  #from = 0;
  #fits = Infinity;
  #tallest = 0;
  #back = false;
  #byHand = false;
  #still = false;
  #turnedAt = performance.now();
  #changed;

  /** `changed` is called when other rows are to be shown. */
  constructor(changed) {
    this.#changed = changed;
    at("page-back").addEventListener("click", () => this.#turn(-1, true));
    at("page-on").addEventListener("click", () => this.#turn(1, true));
    at("page-still").addEventListener("click", () => this.#hold(!this.#still));
    document.addEventListener("keydown", (event) => this.#pressed(event));
    addEventListener("resize", () => {
      this.#tallest = 0;
      this.#measure();
    });
  }

  /** `ask` asks the service for one of its pages; a new line to it begins at the first. */
  begin(ask) {
    this.#ask = ask;
    this.#wanted = this.#from = 0;
    this.#fits = Infinity;
  }

  /** What the service shows: its page and the ids of its rows, what needs somebody first; gives those to be shown. */
  tell(told, ids) {
    if (told.page !== this.#told.page) {
      this.#order = [];
      this.#from = this.#back ? Infinity : 0;
    }
    this.#told = told;
    this.#ids = ids;
    // The order of a round stays: who moved between two pages would be on neither.
    const known = new Set(ids);
    const kept = this.#from > 0 && this.#divided ? this.#order.filter((id) => known.has(id)) : [];
    this.#order = [...kept, ...ids.filter((id) => !kept.includes(id))];
    return this.shown;
  }

  get shown() {
    if (!this.#divided) return this.#order;
    const last = Math.floor((this.#order.length - 1) / this.#fits) * this.#fits;
    this.#from = Math.max(0, Math.min(this.#from, last));
    return this.#order.slice(this.#from, this.#from + this.#fits);
  }

  get #divided() {
    return !this.#still && this.#fits < this.#order.length;
  }

  get #many() {
    return this.#told.pages > 1 || this.#fits < this.#order.length;
  }

  /** After the rows were put where they are: how many fit, and what the line under them says. */
  drawn() {
    this.#measure();
    at("pages").hidden = !this.#many;
    if (!this.#many) return;
    const shown = this.shown.length;
    const first = this.#told.first + (this.#divided ? this.#from : 0);
    const values = { first: number(first + 1), last: number(first + shown) };
    const said = t("{first} to {last} of {count}", { ...values, count: number(this.#ids.length + this.#told.more) });
    const place = at("page-at");
    if (place.textContent !== said) place.textContent = said;
    // Who turns by hand is told where he is; pages that turn by themselves interrupt nobody.
    if (this.#byHand && this.#told.page === this.#wanted) {
      this.#byHand = false;
      at("page-said").textContent = said;
    }
  }

  #measure() {
    const body = at("rows");
    const rows = [...body.children].filter((row) => row.offsetHeight);
    if (!WIDE.matches || this.#order.length < 2 || !rows.length) {
      this.#fits = Infinity;
      return;
    }
    const [own, card] = [body.getBoundingClientRect(), at("places").getBoundingClientRect()];
    const under = parseFloat(getComputedStyle(document.querySelector("main")).paddingBottom);
    const below = card.bottom - own.bottom + under + document.querySelector(".foot").offsetHeight;
    const room = innerHeight - (own.top + scrollY) - below;
    // Of all rows so far: pages of other lengths would begin elsewhere, and a row be on none of them.
    this.#tallest = Math.max(this.#tallest, ...rows.map((row) => row.offsetHeight));
    const all = rows.length === this.#order.length && own.height <= room;
    const fits = all ? Infinity : Math.max(LEAST, Math.floor(room / this.#tallest));
    const barely = fits === this.#fits + 1 && room / this.#tallest - fits < SPARE;
    if (fits === this.#fits || barely) return; // no to and fro by a pixel
    this.#fits = fits;
    if (!this.#still) this.#changed();
  }

  #turn(step, byHand = false) {
    this.#turnedAt = performance.now();
    this.#byHand = byHand;
    this.#back = step < 0;
    const next = this.#from + step * this.#fits;
    if (this.#divided && next >= 0 && next < this.#order.length) {
      this.#from = next;
      this.#changed();
      return;
    }
    const { page, pages } = this.#told;
    if (pages > 1) {
      this.#wanted = (page + step + pages) % pages;
      this.#ask(this.#wanted);
      return;
    }
    this.#from = step > 0 ? 0 : Infinity;
    this.#changed();
  }

  #hold(still) {
    this.#still = still;
    this.#from = 0;
    this.#turnedAt = performance.now();
    at("page-still").setAttribute("aria-pressed", String(still));
    this.#changed();
  }

  #pressed(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const busy = event.target.closest?.("input, select, textarea") || event.altKey || event.ctrlKey || event.metaKey;
    if (busy || !Object.hasOwn(steps, event.key) || at("pages").hidden) return;
    event.preventDefault();
    this.#turn(steps[event.key], true);
  }

  /** Once in a while: turn, unless it is held still, somebody points at a row, or scrolls, as on a telephone. */
  tick(now) {
    if (this.#still || !this.#many || !WIDE.matches || at("places").matches(":hover, :focus-within")) this.#turnedAt = now;
    else if (now - this.#turnedAt >= TURN) this.#turn(1);
  }
}
