// The agent's desk: who he is, his line to the service, his calls, and the picture of them.

import { Calls } from "./desk-calls.js";
import { Line } from "./desk-line.js";
import { Notices } from "./desk-notices.js";
import { painted } from "./desk-paint.js";
import { View } from "./desk-view.js";
import { t } from "./desk-words.js";

const KEPT = "threerings.token"; // for this tab alone, so that one browser may have two desks
const TICK = 250;
const SPOKEN = 1; // the version of the messages
const BAD_TOKEN = t("Nobody has this token.");

const view = new View();
const calls = new Calls();
const notices = new Notices(document.getElementById("notify"));
let line = null;

/** A token in the fragment is taken, and gone from the address at once; a fragment is never sent to anybody. */
function takeFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (token) sessionStorage.setItem(KEPT, token);
}

function start() {
  line?.close();
  const token = sessionStorage.getItem(KEPT);
  if (!token) {
    door("");
    return;
  }
  view.desk();
  notices.offer(true);
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  line = new Line(address, token, { told: stands, heard });
}

function signOut(trouble) {
  sessionStorage.removeItem(KEPT);
  line?.close();
  line = null;
  calls.replace([], performance.now());
  redraw();
  door(trouble);
}

function door(trouble) {
  view.door(trouble);
  notices.offer(false);
}

function stands(state, { since, why }) {
  if (state === "refused" && why === "bad_token") signOut(BAD_TOKEN);
  else if (state === "refused") {
    calls.replace([], performance.now());
    redraw();
    view.line("elsewhere");
  } else if (state !== "closed") view.line(state, since ?? null);
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
    view.pbx(message.pbx?.up ?? true);
    calls.replace(message.calls, now);
  } else if (message.type === "call") calls.put(message.call, now);
  else if (message.type === "gone") calls.remove(message.call);
  else if (message.type === "earlier") calls.found(message.call, message.earlier, message.case);
  else if (message.type === "pbx") view.pbx(message.up);
  redraw();
  if (Number.isInteger(message.seq)) painted().then(() => answer({ type: "seen", seq: message.seq }));
}

function redraw() {
  const sorted = calls.sorted();
  view.calls(sorted, performance.now());
  notices.ringing(sorted.filter((told) => told.phase === "ringing").map((told) => told.call));
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
  takeFragment();
  start();
});
addEventListener("online", () => line?.hurry());
addEventListener("offline", () => line?.drop());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") line?.hurry();
});
setInterval(() => {
  const now = performance.now();
  if (calls.tidy(now)) redraw();
  view.tick(calls.sorted(), now);
}, TICK);

takeFragment();
start();
