// Notices of the operating system, for who wants them. They may be kept there, so they name the queue and nobody.

import { t } from "./desk-words.js";

const WANTED = "threerings.notices";

export class Notices {
  #button;
  #open = new Map();

  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => this.#ask());
  }

  /** These calls ring. */
  ringing(calls) {
    const ids = new Set(calls.map((call) => call.id));
    for (const [id, notice] of this.#open) {
      if (ids.has(id)) continue;
      notice?.close();
      this.#open.delete(id);
    }
    for (const call of calls) {
      if (this.#open.has(call.id)) continue;
      this.#open.set(call.id, this.#notice(call));
    }
  }

  #notice(call) {
    if (document.visibilityState !== "hidden" || !this.#wanted()) return null;
    let notice;
    try {
      notice = new Notification(t("Your phone rings"), { body: call.queue_title || call.queue, tag: call.id });
    } catch {
      return null; // Android's browsers have the name, and throw: the call itself is shown all the same
    }
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
    return notice;
  }

  async #ask() {
    if ((await Notification.requestPermission()) === "granted") localStorage.setItem(WANTED, "yes");
    this.offer(true);
  }

  /** Whether to offer them: only at a desk, only once, and where they can be had. */
  offer(atDesk) {
    const possible = window.isSecureContext && "Notification" in window && Notification.permission !== "denied";
    this.#button.hidden = !atDesk || !possible || this.#wanted();
  }

  #wanted() {
    return "Notification" in window && Notification.permission === "granted" && localStorage.getItem(WANTED) === "yes";
  }
}
