// The whole desk: how the line stands, the calls in their order, the title of the window.

import { Card, callerOf, phaseOf } from "./desk-card.js";
import { part, say } from "./desk-parts.js";
import { length, t } from "./desk-words.js";

const at = (id) => document.getElementById(id);
/** How the desk stands, as the page says it; "away": the line is up, the telephone system is not heard. */
const STATES = {
  connected: t("Connected"),
  connecting: t("Connecting…"),
  away: t("Telephone system not heard"),
  cut: t("Not connected"),
};
const PILLS = { connected: "good", connecting: "", away: "warn", cut: "bad" };
const SHOWN = { elsewhere: "cut", unreachable: "cut", busy: "cut" };

export class View {
  #cards = new Map();
  #limits = { rings: 3, ring_seconds: 5, long_talk_seconds: 300 };
  #title = document.title;
  #nobody = at("agent").textContent;
  #line = "connecting";
  #heard = true;
  #busy = false;
  #phases = new Map();
  #cutSince = null;

  /** The form that asks for the token, with why it is there. */
  door(trouble) {
    at("desk").hidden = true;
    at("sign-out").hidden = true;
    at("door").hidden = false;
    at("trouble").hidden = !trouble;
    say(at("trouble"), "text", trouble);
    at("token").toggleAttribute("aria-invalid", Boolean(trouble));
    document.title = this.#title;
    at("token").focus();
  }

  /** The desk, before anything is known. */
  desk(byToken) {
    at("door").hidden = true;
    at("desk").hidden = false;
    at("sign-out").hidden = !byToken; // who has an account signs out where his name stands
  }

  /** Nobody's desk, and nothing said of anybody. */
  nobody() {
    at("agent").textContent = this.#nobody;
    at("agent-name").textContent = "";
    this.#heard = true;
    this.#announce("");
  }

  /** How the line stands: as `Line` says, "elsewhere", when another window has it, or "busy", when the service answers but lets nobody in. */
  line(state, since) {
    this.#line = state;
    this.#cutSince = state === "cut" ? since : null;
    this.#stand();
  }

  /** Whose desk it is, and what the standard asks. */
  agent({ name, title }, limits) {
    at("agent").textContent = title || name;
    at("agent-name").textContent = title ? name : "";
    if (JSON.stringify(limits) !== JSON.stringify(this.#limits)) this.#clear();
    this.#limits = limits;
  }

  /** Whether the telephone system is heard. */
  pbx(up) {
    this.#heard = up;
    this.#stand();
  }

  /** What line and telephone system come to: at most one banner, and no promise that is not kept. */
  #stand() {
    const { state } = at("state").dataset;
    const shown = this.#line === "connected" && !this.#heard ? "away" : (SHOWN[this.#line] ?? this.#line);
    at("state").dataset.state = shown;
    at("state").className = `pill ${PILLS[shown]}`;
    say(at("state"), "text", STATES[shown]);
    at("elsewhere").hidden = this.#line !== "elsewhere";
    at("unreachable").hidden = this.#line !== "unreachable";
    at("busy").hidden = this.#line !== "busy";
    at("cut").hidden = this.#cutSince === null;
    at("pbx").hidden = shown !== "away";
    at("idle").hidden = this.#busy || shown !== "connected";
    if (state !== shown && state !== undefined) this.#announce(STATES[shown]);
  }

  /** These calls, in this order; `doubt` as `Doubt` has it. */
  calls(sorted, now, doubt) {
    const place = at("calls");
    const wanted = new Set(sorted.map((told) => told.call.id));
    for (const [id, card] of this.#cards) {
      if (wanted.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
      this.#phases.delete(id);
    }
    sorted.forEach((told, index) => {
      const card = this.#card(told.call.id);
      card.update(told, now, doubt);
      if (place.children[index] !== card.element) place.insertBefore(card.element, place.children[index] ?? null);
      if (!told.unknown(doubt)) this.#tell(told);
    });
    this.#busy = sorted.some((told) => told.phase === "ringing" || told.phase === "talking");
    at("idle").classList.toggle("brief", sorted.length > 0);
    this.#stand();
    this.#entitle(sorted.find((told) => told.phase === "ringing" && !told.unknown(doubt)));
  }

  /** Time has gone by. */
  tick(sorted, now, doubt) {
    for (const told of sorted) this.#cards.get(told.call.id)?.tick(told, now, doubt);
    if (this.#cutSince === null) return;
    say(at("cut"), "since", t("Cut off for {length}.", { length: length((now - this.#cutSince) / 1000) }));
  }

  #card(id) {
    if (!this.#cards.has(id)) this.#cards.set(id, new Card(this.#limits));
    return this.#cards.get(id);
  }

  #clear() {
    for (const card of this.#cards.values()) card.element.remove();
    this.#cards.clear();
  }

  /** To who listens: a call's phase when it changes, never the seconds. */
  #tell({ call }) {
    if (this.#phases.get(call.id) === call.phase) return;
    this.#phases.set(call.id, call.phase);
    this.#announce(`${phaseOf(call)}: ${callerOf(call)}, ${call.queue_title || call.queue}`);
  }

  #announce(text) {
    at("announce").textContent = text;
  }

  #entitle(ringing) {
    const title = ringing ? `☎ ${callerOf(ringing.call)}` : this.#title;
    if (document.title !== title) document.title = title;
  }
}
