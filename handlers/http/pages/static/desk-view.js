// The whole desk: how the line stands, the calls in their order, the title of the window.

import { Card, callerOf } from "./desk-card.js";
import { part, say } from "./desk-parts.js";
import { PHASES, REASONS, length, t } from "./desk-words.js";

const at = (id) => document.getElementById(id);
const STATES = { connected: t("Connected"), connecting: t("Connecting…"), cut: t("Not connected") };
const PILLS = { connected: "good", connecting: "", cut: "bad" };

export class View {
  #cards = new Map();
  #limits = { rings: 3, ring_seconds: 5, long_talk_seconds: 300 };
  #title = document.title;
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
  desk() {
    at("door").hidden = true;
    at("desk").hidden = false;
    at("sign-out").hidden = false;
  }

  /** How the line stands: "connected", "connecting", "cut"; or "elsewhere", when another window has it. */
  line(state, since) {
    const shown = state === "elsewhere" ? "cut" : state;
    const before = at("state").dataset.state;
    at("state").dataset.state = shown;
    at("state").className = `pill ${PILLS[shown]}`;
    say(at("state"), "text", STATES[shown]);
    at("elsewhere").hidden = state !== "elsewhere";
    this.#cutSince = state === "cut" ? since : null;
    at("cut").hidden = this.#cutSince === null;
    at("desk").classList.toggle("stale", shown === "cut");
    if (before !== shown && before !== undefined) this.#announce(STATES[shown]);
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
    at("pbx").hidden = up;
  }

  /** These calls, in this order. */
  calls(sorted, now) {
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
      card.update(told, now);
      if (place.children[index] !== card.element) place.insertBefore(card.element, place.children[index] ?? null);
      this.#tell(told);
    });
    at("idle").hidden = sorted.some((told) => told.phase === "ringing" || told.phase === "talking");
    at("idle").classList.toggle("brief", sorted.length > 0);
    this.#entitle(sorted[0]);
  }

  /** Time has gone by. */
  tick(sorted, now) {
    for (const told of sorted) this.#cards.get(told.call.id)?.tick(told, now);
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
    const words = call.phase === "withdrawn" ? (REASONS[call.reason] ?? REASONS.other) : PHASES[call.phase];
    this.#announce(`${words}: ${callerOf(call)}, ${call.queue_title || call.queue}`);
  }

  #announce(text) {
    at("announce").textContent = text;
  }

  #entitle(first) {
    const ringing = first?.phase === "ringing";
    const title = ringing ? `☎ ${callerOf(first.call)}` : this.#title;
    if (document.title !== title) document.title = title;
  }
}
