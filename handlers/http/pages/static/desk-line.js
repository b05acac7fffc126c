// The WebSocket to the service: says who we are, comes back by itself, and always knows how it stands.

const FIRST_DELAY = 500;
const LAST_DELAY = 10_000;
const WELCOME_WITHIN = 10_000;
/** Who waits longer than this for the first connection is told that something is wrong. */
const FIRST_WITHIN = 3000;
/** What the server means by "do not come back by yourself". */
const FINAL = { 4401: "bad_token", 4403: "not_yours", 4404: "no_branch", 4429: "too_many" };
/** A right token is always let in, so this one is wrong. */
const LOCKED_OUT = "locked_out";

/**
 * The line of a desk, or of a wall. `state` is what it last told:
 *   connecting (never yet connected), unreachable (the same for too long; `why`: what
 *   the service last said, or nothing), connected, cut (`since`: when it last was
 *   heard), refused (`why`), closed (by us).
 */
export class Line {
  #url;
  #token;
  #told;
  #heard;
  #socket = null;
  #timer = 0;
  #watch = 0;
  #failures = 0;
  #lastUp = null;
  #bye = "";
  #last = "";
  #quiet = null;
  #heardAt = 0;
  #overdue = false;
  #patience = setTimeout(() => this.#tooLong(), FIRST_WITHIN);

  /** `told(state, {since, why})` at each change; `heard(message, answer)` for each message, `answer(object)` replies. */
  constructor(url, token, { told, heard }) {
    this.#url = url;
    this.#token = token;
    this.#told = told;
    this.#heard = heard;
    this.#connect();
  }

  /** Try now what would be tried later: the network is back, or somebody looks. */
  hurry() {
    if (this.#timer) this.#connect();
  }

  /** Say something to the service; false when nobody hears it. */
  send(object) {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.#heardAt) return false;
    this.#socket.send(JSON.stringify(object));
    return true;
  }

  /** The machine has lost its network: do not wait until the connection notices. */
  drop() {
    if (this.#socket) this.#lost(this.#socket, {});
  }

  /** For good. */
  close() {
    clearTimeout(this.#patience);
    this.#forget();
    this.#told("closed", {});
  }

  #connect() {
    this.#forget();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#bye = "";
    this.#watch = setTimeout(() => this.#lost(socket, {}), WELCOME_WITHIN);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", v: 1, token: this.#token }));
    socket.onmessage = (event) => this.#received(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event);
    if (this.#lastUp === null) this.#wait();
  }

  #received(socket, text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // a proxy's, perhaps; never the service's
    }
    if (message.type === "welcome") {
      clearTimeout(this.#patience);
      this.#failures = 0;
      this.#lastUp = performance.now();
      this.#quiet = message.limits?.beat_seconds ?? null;
      this.#told("connected", {});
    } else if (message.type === "bye") {
      this.#bye = message.reason;
    }
    clearTimeout(this.#watch);
    // Where the service promises to be heard every so often, a silence means that the line is dead, since it began.
    if (this.#quiet) this.#watch = setTimeout(() => this.#lost(socket, { since: this.#heardAt }), this.#quiet * 2500);
    this.#heard(message, (answer) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(answer));
    });
    this.#heardAt = performance.now(); // after what was told has its time: it was known then
  }

  #tooLong() {
    this.#overdue = true;
    this.#wait();
  }

  #wait() {
    this.#told(this.#overdue ? "unreachable" : "connecting", { why: this.#last });
  }

  #lost(socket, { code, since }) {
    if (socket !== this.#socket) return;
    if (this.#lastUp !== null && this.#failures === 0) this.#lastUp = since ?? performance.now();
    this.#forget();
    this.#last = this.#bye;
    if (Object.hasOwn(FINAL, code) || this.#bye === LOCKED_OUT) {
      clearTimeout(this.#patience);
      this.#told("refused", { why: this.#bye || FINAL[code] });
      return;
    }
    const ceiling = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(), ceiling * (0.5 + Math.random() / 2));
    if (this.#lastUp !== null) this.#told("cut", { since: this.#lastUp, why: this.#bye });
    else this.#wait();
  }

  #forget() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
