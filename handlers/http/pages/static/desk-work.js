// The agent's own part of the desk: sign in, ready, pause, wrap-up, call. Shown as the PBX has it, never as was asked.

import { part, say } from "./desk-parts.js";
import { length, moment, t } from "./desk-words.js";

const at = (id) => document.getElementById(id);
const DOING = {
  unknown: t("Not known"),
  signed_out: t("Not signed in"),
  unreachable: t("Phone unreachable"),
  ready: t("Ready"),
  ringing: t("Ringing"),
  talking: t("In talk"),
  wrap_up: t("Wrap-up"),
  paused: t("Paused"),
};
const PILLS = { ready: "good", unreachable: "bad", paused: "warn", wrap_up: "warn", unknown: "warn" };
/** What he does now: the next step. */
const NEXT = {
  unknown: t("The telephone system is not heard. Go on at your phone; this page follows when it is heard again."),
  signed_out: t("Choose your phone and your queues, then sign in."),
  unreachable: t("Your phone is not registered: switch it on, or ask your administrator."),
  ready: t("Wait for a call. It appears below."),
  ringing: t("Pick up your phone and greet the caller with the line below."),
  talking: t("Help the caller. Choose here what comes after the call."),
  paused: t("When you are back, say that you are ready."),
};
const WHY = {
  not_heard: t("The telephone system is not heard at the moment. Try again when it is."),
  sign_in_first: t("Sign in first."),
  sign_out_first: t("You are signed in already; sign out first."),
  on_call: t("Not while your phone rings or you talk."),
  no_phone: t("Your phone is not registered: switch it on, or ask your administrator."),
  already: t("That is so already."),
  no_reason: t("Choose a reason from the list."),
  bad_number: t("A number has digits, * and #, perhaps a + in front."),
  not_your_phone: t("This phone is not yours. Your administrator can change that."),
  not_your_queue: t("Choose at least one of your queues."),
  off: t("This is not switched on for your telephone system. Your administrator can do that."),
  one_at_a_time: t("One thing after the other: the last one is still under way."),
  refused: t("The telephone system refused it."),
  not_sent: t("It was not sent: there is no connection to the telephone system. Try again."),
  unsure: t("No answer in time. It may have been done: look at your state above, then try again."),
};
const AGREE = {
  agree_bad_number: t("The caller shows no number: ask for one, and note it."),
  agree_unsure: t("It could not be written down. Try again, or note it."),
};
const KEYS = { Digit1: "ready", Digit2: "pause", Digit3: "wrap_up", Digit4: "sign_out" };

export class Work {
  #send;
  #desk = null;
  #heardAt = 0;
  #asked = 0;
  #told = "";
  #agreeing = new Map();

  /** `send(object)` says something to the service; false when there is no line. */
  constructor(send) {
    this.#send = send;
    for (const button of at("work").querySelectorAll("[data-wish]"))
      button.addEventListener("click", () => this.#wish(button.dataset.wish));
    at("work-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const queues = [...at("work-queues").querySelectorAll("input:checked")].map((box) => box.value);
      this.#wish("sign_in", { phone: at("work-phone").value, queues });
    });
    at("work-call").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#wish("call", { number: at("work-number").value.replace(/[\s()-]/g, "") });
    });
    document.addEventListener("agree", ({ detail: { call, card } }) => {
      this.#asked += 1;
      this.#agreeing.set(this.#asked, card);
      card.agreed(t("Asking…"), true);
      if (!this.#send({ type: "do", id: this.#asked, wish: "agree", call })) this.did({ id: this.#asked, why: "agree_unsure" });
    });
    document.addEventListener("keydown", (event) => {
      if (event.altKey && event.code === "Digit5") {
        document.querySelector('article.call.long [data-part="agree"]:not(:disabled)')?.click();
        return;
      }
      const wish = event.altKey && !event.ctrlKey && !event.metaKey ? KEYS[event.code] : undefined;
      const button = wish && at("work").querySelector(`[data-wish="${wish}"]`);
      if (!button || button.disabled || !button.checkVisibility()) return;
      event.preventDefault();
      button.click();
    });
  }

  /** What the service says of him. */
  desk(desk, now) {
    const before = this.#desk;
    this.#desk = desk;
    this.#heardAt = now;
    if (JSON.stringify(this.#choices(before)) !== JSON.stringify(this.#choices(desk))) this.#offer(desk);
    if (before && before.doing !== desk.doing) this.#say("");
    this.#paint(now);
  }

  /** What became of the last wish. */
  did({ id, why, said, due_at: due }) {
    const card = this.#agreeing.get(id);
    if (card) {
      this.#agreeing.delete(id);
      card.agreed(why === null ? t("Call back agreed, until {time}.", { time: moment(due) }) : AGREE[why], why === null);
      return;
    }
    if (id !== this.#asked) return;
    at("work").removeAttribute("aria-busy");
    const words = WHY[why] ?? "";
    this.#say(why === null ? "" : said ? `${words} (${said})` : words);
    if (why === null) at("work-number").value = "";
  }

  /** The line is gone, or nobody is there. */
  gone() {
    this.#desk = null;
    at("work").hidden = true;
  }

  /** Time has gone by. */
  tick(now) {
    if (this.#desk?.doing === "wrap_up") this.#next(now);
  }

  #choices(desk) {
    return desk && [desk.phones, desk.choices, desk.pauses];
  }

  #offer({ phones, choices, pauses }) {
    const option = (text) => new Option(text, text);
    at("work-phone").replaceChildren(...phones.map(option));
    at("work-reason").replaceChildren(...pauses.map(option));
    at("work-queues").replaceChildren(
      ...choices.map(({ name, title }) => {
        const label = document.createElement("label");
        const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name, checked: true });
        label.append(box, ` ${title}`);
        return label;
      }),
    );
  }

  #paint(now) {
    const { doing, reason, paused, phone, queues, can, wishes } = this.#desk;
    const work = at("work");
    work.hidden = !can.queues && !can.call;
    work.dataset.doing = doing;
    part(work, "doing").className = `pill ${PILLS[doing] ?? ""}`;
    say(work, "doing", DOING[doing] ?? doing);
    const titles = queues.map(({ title }) => title).join(", ");
    const why = doing === "paused" ? reason : "";
    say(work, "more", [why, phone, titles].filter(Boolean).join(" · "));
    at("work-in").hidden = !can.queues || doing !== "signed_out";
    at("work-buttons").hidden = !can.queues || doing === "signed_out";
    at("work-call").hidden = !can.call || !wishes.includes("call");
    for (const button of work.querySelectorAll("[data-wish]")) {
      const { wish } = button.dataset;
      button.disabled = !wishes.includes(wish) || (wish === "ready" && !paused) || (wish === "wrap_up" && doing === "wrap_up");
    }
    this.#next(now);
  }

  #next(now) {
    const { doing, paused, left_seconds: left } = this.#desk;
    const reason = this.#desk.reason === this.#desk.wrap_up ? DOING.wrap_up : this.#desk.reason;
    let text = NEXT[doing] ?? "";
    if (doing === "talking" && paused) text = t("Help the caller. After the call: {reason}.", { reason });
    if (doing === "wrap_up" && left === null) text = t("Finish the case, then say that you are ready.");
    if (doing === "wrap_up" && left !== null) {
      const rest = left - (now - this.#heardAt) / 1000;
      text = t("Finish the case. You are ready by yourself in {length}.", { length: length(Math.max(0, rest)) });
    }
    say(at("work"), "next", text);
  }

  #wish(wish, about = {}) {
    const more = wish === "pause" ? { reason: at("work-reason").value } : about;
    this.#asked += 1;
    at("work").setAttribute("aria-busy", "true");
    this.#say(t("Asking…"));
    if (!this.#send({ type: "do", id: this.#asked, wish, ...more })) this.did({ id: this.#asked, why: "not_sent", said: "" });
  }

  #say(text) {
    if (this.#told === text) return;
    this.#told = text;
    at("work-said").textContent = text;
    at("work-said").hidden = !text;
  }
}
