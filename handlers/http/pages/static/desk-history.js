// Who called before: what is known, or why nothing is.

import { OUTCOMES, length, moment, t } from "./desk-words.js";
import { fresh, part, say, show } from "./desk-parts.js";

const NOTES = {
  asking: t("Asking…"),
  anonymous: t("The caller shows no number, so nobody can be looked up."),
  unavailable: t("Not available at the moment: the database does not answer."),
  none: t("None: this number calls for the first time."),
};

const OPEN_CASES = new Set(["open", "waiting_caller", "waiting_department", "answered"]);

/** Fill a call's list. */
export function showEarlier(card, earlier) {
  const known = earlier.state === "known";
  const note = known && earlier.calls.length === 0 ? "none" : earlier.state;
  say(card, "history-note", NOTES[note] ?? "");
  show(card, "history-note", Object.hasOwn(NOTES, note));
  say(card, "total", known && earlier.total ? `${earlier.total}${earlier.more ? "+" : ""}` : "");
  part(card, "earlier").replaceChildren(...(known ? earlier.calls.map(row) : []));
}

function row(call) {
  const made = fresh("earlier-call");
  say(made, "when", moment(call.arrived_at));
  say(made, "its-case", call.case?.number ? t("Case {number}", { number: call.case.number }) : "");
  show(made, "open-case", OPEN_CASES.has(call.case?.state));
  const owner = call.case?.owner;
  say(made, "open-case", owner ? t("Open; {owner} sees to it", { owner }) : t("Open; nobody sees to it yet"));
  const open = (call.outcome ?? null) === null;
  say(made, "outcome", open ? t("Still going on, or its end is not known") : (OUTCOMES[call.outcome] ?? OUTCOMES.lost));
  show(made, "answered", call.outcome === "answered");
  show(made, "unanswered", !open && call.outcome !== "answered");
  made.classList.toggle("was-answered", call.outcome === "answered");
  const lengths = [
    call.wait_seconds === null ? null : t("waited {length}", { length: length(call.wait_seconds) }),
    call.talk_seconds === null ? null : t("talked {length}", { length: length(call.talk_seconds) }),
  ];
  const direct = call.agent === call.queue; // a line is its own agent
  const where = call.queue_title || call.queue;
  say(made, "more", [where, direct ? null : call.agent, ...lengths].filter(Boolean).join(" · "));
  return made;
}
