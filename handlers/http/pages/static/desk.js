// The agent's desk: who he is, his line to the service, his calls, and the picture of them.

import { Calls } from "./desk-calls.js";
import { Doubt } from "./desk-doubt.js";
import { Line } from "./desk-line.js";
import { Notices } from "./desk-notices.js";
import { painted } from "./desk-paint.js";
import { View } from "./desk-view.js";
import { signedIn, t } from "./desk-words.js";
import { Work } from "./desk-work.js";

const KEPT = "threerings.token"; // for this tab alone, so that one browser may have two desks
const TICK = 250;
const SPOKEN = 1; // the version of the messages
const TROUBLES = {
  no_desk: t("You have no desk: your account is bound to no agent. Your administrator can do that."),
  bad_token: t("Nobody has this token."),
  locked_out: t("Too many wrong tokens came from your address. Wait a minute, then try again."),
};

const view = new View();
const calls = new Calls();
const doubt = new Doubt();
const notices = new Notices(document.getElementById("notify"));
let line = null;
const work = new Work((wish) => line?.send(wish) ?? false);

/** A token in the fragment is taken, and gone from the address at once; never sent to anybody. Whether there was one. */
function takeFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (token) sessionStorage.setItem(KEPT, token);
  return Boolean(token);
}

/** Nothing of what was shown so far is this agent's any more. */
function clear() {
  line?.close();
  line = null;
  doubt.end();
  calls.replace([], performance.now());
  redraw();
  view.nobody();
  work.gone();
}

function start() {
  clear();
  const token = sessionStorage.getItem(KEPT) ?? ""; // without one, the cookie of an account says who he is
  if (!token && !signedIn) {
    door("");
    return;
  }
  view.desk(Boolean(token));
  notices.offer(true);
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  line = new Line(address, token, { told: stands, heard });
}

function signOut(trouble) {
  sessionStorage.removeItem(KEPT);
  clear();
  door(trouble);
}

function door(trouble) {
  view.door(trouble);
  notices.offer(false);
}

function stands(state, { since, why }) {
  if (state === "refused" && (why === "signed_out" || why === "sign_in")) location.assign("/login?next=/desk");
  else if (state === "refused" && Object.hasOwn(TROUBLES, why)) signOut(TROUBLES[why]);
  else if (state === "refused") {
    calls.replace([], performance.now());
    redraw();
    view.line("elsewhere");
  } else if (state !== "closed") {
    view.line(state === "unreachable" && why ? "busy" : state, since ?? null);
    if (state !== "connected") work.gone(); // what he does is told anew with the next connection
    if (state !== "cut") return;
    doubt.begin(since);
    redraw();
  }
}

/** Whether the telephone system is heard; told again and again. */
function pbx(up, now) {
  view.pbx(up);
  if (up) doubt.end();
  else doubt.begin(now);
}

/** The service speaks otherwise than this page, which is older than it: load the new one, but not again and again. */
function renew() {
  if (performance.now() > 60_000) location.reload();
}

function heard(message, answer) {
  const now = performance.now();
  if ((message.v ?? SPOKEN) !== SPOKEN || (message.type === "bye" && message.reason === "version")) {
    renew();
    return;
  }
  if (message.type === "welcome") {
    view.agent(message.agent, message.limits);
    if (message.pbx?.up === false) doubt.inherit(now);
    pbx(message.pbx?.up ?? true, now);
    calls.replace(message.calls, now);
  } else if (message.type === "call") calls.put(message.call, now);
  else if (message.type === "gone") calls.remove(message.call);
  else if (message.type === "earlier") calls.found(message.call, message);
  else if (message.type === "desk") work.desk(message.desk, now);
  else if (message.type === "did") work.did(message);
  else if (message.type === "pbx") pbx(message.up, now);
  redraw();
  if (Number.isInteger(message.seq)) painted().then(() => answer({ type: "seen", seq: message.seq }));
}

function redraw() {
  const sorted = calls.sorted();
  const ringing = sorted.filter((told) => told.phase === "ringing" && !told.unknown(doubt.now));
  view.calls(sorted, performance.now(), doubt.now);
  notices.ringing(ringing.map((told) => told.call));
}

document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  sessionStorage.setItem(KEPT, field.value.trim());
  field.value = "";
  start();
});
document.getElementById("sign-out").addEventListener("click", () => signOut(""));
document.getElementById("take-over").addEventListener("click", start);
addEventListener("hashchange", () => {
  if (takeFragment()) start(); // the way to the content is a fragment, too
});
addEventListener("online", () => line?.hurry());
addEventListener("offline", () => line?.drop());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") line?.hurry();
});
setInterval(() => {
  const now = performance.now();
  if (calls.tidy(now)) redraw();
  view.tick(calls.sorted(), now, doubt.now);
  work.tick(now);
}, TICK);

takeFragment();
start();
