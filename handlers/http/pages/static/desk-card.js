// One call on the desk: who it is at a glance, and what to say.

import { showEarlier } from "./desk-history.js";
import { fresh, part, say, show } from "./desk-parts.js";
import { RingPicture, verdict } from "./desk-rings.js";
import { ENDERS, PHASES, REASONS, length, t } from "./desk-words.js";

const LONG_NUMBER = 16;

/** A telephone number in groups that can be read aloud; anything else in one piece. */
export function groups(number) {
  const mobile = /^(\+?86)?(1\d{2})(\d{4})(\d{4})$/.exec(number);
  const landline = /^(010|02\d|0[3-9]\d{2})(\d{3,4})(\d{4})$/.exec(number);
  return (mobile ?? landline)?.slice(1).filter(Boolean) ?? [number];
}

/** Who calls, in one line. */
export function callerOf(call) {
  return [call.caller || t("Number withheld"), call.caller_name].filter(Boolean).join(" ");
}

export class Card {
  #limits;
  #rings;
  #earlier = null;

  constructor(limits) {
    this.#limits = limits;
    this.#rings = new RingPicture(limits.rings);
    this.element = fresh("call");
    part(this.element, "picture").append(this.#rings.element);
  }

  /** The call has become this. */
  update(told, now) {
    const { call } = told;
    const card = this.element;
    if (card.dataset.phase !== call.phase) card.dataset.phase = call.phase;
    say(card, "phase", call.phase === "withdrawn" ? (REASONS[call.reason] ?? REASONS.other) : PHASES[call.phase]);
    say(card, "case", call.case?.number ? t("Case {number}", { number: call.case.number }) : "");
    this.#caller(call);
    this.#words(call);
    if (this.#earlier !== call.earlier) showEarlier(card, call.earlier);
    this.#earlier = call.earlier;
    const over = call.phase === "ended";
    show(card, "talk-box", over && call.talking_seconds !== null);
    show(card, "ender-box", over && Object.hasOwn(ENDERS, call.hung_up_by ?? ""));
    say(card, "ender", ENDERS[call.hung_up_by] ?? "");
    this.tick(told, now);
  }

  /** Time has gone by. */
  tick(told, now) {
    const card = this.element;
    const { phase } = told;
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
    show(card, "long", phase === "talking" && talked !== null && talked >= this.#limits.long_talk_seconds);
    say(card, "count", phase === "ringing" ? String(count ?? "–") : length(talked));
    say(card, "of", phase === "ringing" ? t("of {limit} rings", { limit: this.#limits.rings }) : "");
    say(card, "count-label", phase === "ringing" ? this.#ringWords(judged) : t("Talk"));
  }

  #ringWords(judged) {
    if (judged === "beyond") return t("Beyond the standard");
    return judged === "last" ? t("The last ring within the standard") : "";
  }

  #caller(call) {
    const number = part(this.element, "number");
    if (number.textContent !== (call.caller || t("Number withheld"))) {
      const shown = call.caller ? groups(call.caller) : [t("Number withheld")];
      number.replaceChildren(
        ...shown.map((digits) => {
          const group = document.createElement("span");
          group.textContent = digits;
          return group;
        }),
      );
    }
    this.element.classList.toggle("long-number", call.caller.length > LONG_NUMBER);
    this.element.classList.toggle("no-number", !call.caller);
    say(this.element, "name", call.caller_name === call.caller ? "" : call.caller_name);
    part(this.element, "name").title = call.caller_name;
    say(this.element, "queue", call.queue_title || call.queue);
    const dialled = t("dialled {number}", { number: call.dialled });
    say(this.element, "dialled", call.dialled ? ` · ${dialled}` : "");
  }

  #words(call) {
    const closing = call.phase === "talking";
    const text = closing ? t("Thank you for calling. Goodbye.") : (call.greeting ?? t("Hello, how may I help you?"));
    say(this.element, "say", text);
    say(this.element, "say-label", closing ? t("At the end, say, and let the caller hang up first") : t("Answer with"));
  }
}
