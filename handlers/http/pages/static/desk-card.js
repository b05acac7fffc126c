// One call on the desk: who it is at a glance, and what to say.

import { showCrm } from "./desk-crm.js";
import { showCustomer } from "./desk-customer.js";
import { showEarlier } from "./desk-history.js";
import { fresh, part, say, show } from "./desk-parts.js";
import { RingPicture, verdict } from "./desk-rings.js";
import { ENDERS, PHASES, REASONS, clock, length, t } from "./desk-words.js";

const LONG_NUMBER = 16;

/** A telephone number in groups that can be read aloud; anything else in one piece. */
export function groups(number) {
  const mobile = /^(\+?86)?(1\d{2})(\d{4})(\d{4})$/.exec(number);
  const landline = /^(010|02\d|0[3-9]\d{2})(\d{3,4})(\d{4})$/.exec(number);
  return (mobile ?? landline)?.slice(1).filter(Boolean) ?? [number];
}

/** What a caller has sent, unless there is nothing in it to be read: fillers count as letters, and are not seen. */
function legible(text) {
  return /[\p{L}\p{N}]/u.test(text.replace(/\p{Default_Ignorable_Code_Point}/gu, "")) ? text : "";
}

/** Who calls, in one line. */
export function callerOf(call) {
  return [legible(call.caller) || t("Number withheld"), legible(call.caller_name)].filter(Boolean).join(" ");
}

/** How it stands, in words. */
export function phaseOf(call) {
  return call.phase === "withdrawn" ? (REASONS[call.reason] ?? REASONS.other) : PHASES[call.phase];
}

export class Card {
  #limits;
  #id = "";
  #rings;
  #earlier = null;
  #customer = null;

  constructor(limits) {
    this.#limits = limits;
    this.#rings = new RingPicture(limits.rings);
    this.element = fresh("call");
    part(this.element, "picture").append(this.#rings.element);
    part(this.element, "agree").addEventListener("click", () => {
      const event = new CustomEvent("agree", { bubbles: true, detail: { call: this.#id, card: this } });
      this.element.dispatchEvent(event);
    });
  }

  /** What became of the wish to agree a call back. */
  agreed(text, done) {
    part(this.element, "agree").disabled = done;
    say(this.element, "agreed", text);
  }

  /** The call has become this; `doubt` says since when that is not known. */
  update(told, now, doubt) {
    const { call } = told;
    const card = this.element;
    this.#id = call.id;
    if (card.dataset.phase !== call.phase) card.dataset.phase = call.phase;
    const unknown = told.unknown(doubt);
    card.classList.toggle("unknown", unknown);
    say(card, "phase", unknown ? this.#doubtWords(doubt) : phaseOf(call));
    say(card, "case", call.case?.number ? t("Case {number}", { number: call.case.number }) : "");
    this.#caller(call);
    this.#words(call);
    showCrm(card, call.crm);
    if (this.#earlier !== call.earlier) showEarlier(card, call.earlier);
    this.#earlier = call.earlier;
    if (this.#customer !== call.customer) showCustomer(card, call.customer);
    this.#customer = call.customer;
    const over = call.phase === "ended";
    show(card, "talk-box", over && call.talking_seconds !== null);
    show(card, "ender-box", over && Object.hasOwn(ENDERS, call.hung_up_by ?? ""));
    say(card, "ender", ENDERS[call.hung_up_by] ?? "");
    this.tick(told, now, doubt);
  }

  /** Time has gone by; where nothing is known it has stopped at the last moment that was. */
  tick(told, present, doubt) {
    const card = this.element;
    const { phase } = told;
    const unknown = told.unknown(doubt);
    const now = unknown ? doubt.at : present;
    const { count, share } = told.rings(this.#limits.ring_seconds, now);
    const known = count !== null;
    const judged = known ? verdict(count, this.#limits.rings) : "within";
    if (card.dataset.rings !== judged) card.dataset.rings = judged;
    this.#rings.show(count ?? 0, share);
    const waited = length(told.waited(now));
    show(card, "waited-box", phase !== "ringing" && waited !== "");
    say(card, "waited", waited);
    say(card, "waiting", phase === "ringing" && waited ? t("waited {length}", { length: waited }) : "");
    show(card, "rings-box", phase !== "ringing" && known);
    say(card, "rings", known ? t("{count} of {limit}", { count, limit: this.#limits.rings }) : "");
    const talked = told.talked(now);
    say(card, "talk", length(talked));
    const long = talked !== null && talked >= this.#limits.long_talk_seconds;
    show(card, "long", phase === "talking" && long && !unknown);
    card.classList.toggle("long", phase === "talking" && long && !unknown);
    say(card, "count", phase === "ringing" ? String(count ?? "–") : length(talked) || "–");
    say(card, "of", phase === "ringing" ? t("of {limit} rings", { limit: this.#limits.rings }) : "");
    say(card, "count-label", phase !== "ringing" ? t("Talk") : unknown ? "" : this.#ringWords(judged));
  }

  #doubtWords({ clock: since }) {
    return since === null ? t("Not known at the moment") : t("Unknown since {time}", { time: clock(since) });
  }

  #ringWords(judged) {
    if (judged === "beyond") return t("Beyond the standard");
    return judged === "last" ? t("The last ring within the standard") : "";
  }

  #caller(call) {
    const number = part(this.element, "number");
    const caller = legible(call.caller);
    const name = legible(call.caller_name);
    if (number.textContent !== (caller || t("Number withheld"))) {
      const shown = caller ? groups(caller) : [t("Number withheld")];
      number.replaceChildren(
        ...shown.map((digits) => {
          const group = document.createElement("span");
          group.textContent = digits;
          return group;
        }),
      );
    }
    this.element.classList.toggle("long-number", caller.length > LONG_NUMBER);
    this.element.classList.toggle("no-number", !caller);
    say(this.element, "name", name === caller ? "" : name);
    part(this.element, "name").title = name;
    say(this.element, "queue", call.queue_title || call.queue);
    const dialled = t("dialled {number}", { number: call.dialled });
    say(this.element, "dialled", call.dialled ? ` · ${dialled}` : "");
  }

  #words(call) {
    const closing = call.phase === "talking";
    const text = closing ? (this.#limits.closing ?? t("Thank you for calling. Goodbye.")) : (call.greeting ?? t("Hello, how may I help you?"));
    say(this.element, "say", text);
    say(this.element, "say-label", closing ? t("At the end, say, and let the caller hang up first") : t("Answer with"));
  }
}
