// The calls on this desk. The service tells ages at sending; from there on our own monotonic clock counts.

const ORDER = ["ringing", "talking", "ended", "withdrawn"];
/** How long a withdrawn call stays to be read, in milliseconds; the service forgets it as well. */
export const WITHDRAWN_STAYS = 10_000;

/** One call as last told, and when that was. */
class Told {
  constructor(call, now) {
    this.call = call;
    this.at = now;
  }

  get phase() {
    return this.call.phase;
  }

  /** Whether it may be over: it went on as far as was told when the doubt began. What is over stays so. */
  unknown(doubt) {
    return doubt !== null && (this.phase === "ringing" || this.phase === "talking") && this.at <= doubt.told;
  }

  /** A length now; of what goes on null, where `now` is: it is not known how long. */
  #running(seconds, runs, now) {
    if (seconds === null || !runs) return seconds;
    const length = now === null ? -1 : seconds + (now - this.at) / 1000;
    return length < 0 ? null : length;
  }

  /** Seconds that the caller has waited. */
  waited(now) {
    return this.#running(this.call.waited_seconds, this.phase === "ringing", now);
  }

  /** Seconds talked. */
  talked(now) {
    return this.#running(this.call.talking_seconds, this.phase === "talking", now);
  }

  /** Rings that the caller has heard, as the standard counts: `{count, share}`, `share` of the last one gone by. */
  rings(ringSeconds, now) {
    const final = this.call.rings;
    if (this.phase !== "ringing") return { count: final, share: 1 };
    const before = this.call.rings_before ?? null;
    const ringing = this.#running(this.call.ringing_seconds, true, now);
    if (before === null || ringing === null) return { count: before || null, share: 1 };
    const heard = Math.max(1, Math.ceil(ringing / ringSeconds));
    return { count: before + heard, share: ringing / ringSeconds - (heard - 1) };
  }
}

/** All of them. */
export class Calls {
  #told = new Map();

  /** Instead of everything known so far. */
  replace(calls, now) {
    const before = this.#told;
    this.#told = new Map();
    for (const call of calls) this.#put(call, now, before.get(call.id));
  }

  /** One call is now so. */
  put(call, now) {
    this.#put(call, now, this.#told.get(call.id));
  }

  #put(call, now, before) {
    const told = new Told(call, now);
    told.changedAt = before?.phase === call.phase ? before.changedAt : now;
    this.#told.set(call.id, told);
  }

  /** What has been found out about a caller, and the number of the case. */
  found(id, { earlier, customer, case: filed }) {
    const told = this.#told.get(id);
    if (told) told.call = { ...told.call, earlier, customer, case: filed ?? told.call.case };
  }

  /** Not to be shown any more. */
  remove(id) {
    this.#told.delete(id);
  }

  /** Withdrawn calls that have been read; says whether there were any. */
  tidy(now) {
    const before = this.#told.size;
    for (const [id, told] of this.#told)
      if (told.phase === "withdrawn" && now - told.changedAt >= WITHDRAWN_STAYS) this.#told.delete(id);
    return this.#told.size !== before;
  }

  /** What rings first, then what is talked, then what is over; the longest ringing and the latest ended first. */
  sorted() {
    const sign = (told) => (told.phase === "ringing" ? 1 : -1);
    return [...this.#told.values()].sort(
      (one, other) =>
        ORDER.indexOf(one.phase) - ORDER.indexOf(other.phase) || sign(one) * (one.changedAt - other.changedAt),
    );
  }
}
