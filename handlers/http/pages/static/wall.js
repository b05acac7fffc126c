// The wallboard: who looks, the line to the service, and the picture. A wall's token stays on its machine, so that a
// screen that was switched off and on shows the branch again without a keyboard; it can do nothing but look.

import { Line } from "./desk-line.js";
import { Sound } from "./wall-sound.js";
import { View } from "./wall-view.js";
import { assets, t } from "./wall-words.js";

const KEPT = "threerings.wall.token";
const TICK = 250;
const SPOKEN = 1; // the version of the messages
const TROUBLES = {
  bad_token: t("Nobody has this token."),
  locked_out: t("Too many wrong tokens came from your address. Wait a minute, then try again."),
};
const NOWHERE = new Set(["no_branch", "not_yours"]);

const at = (id) => document.getElementById(id);
const branch = new URL(location.href).searchParams.get("branch");
const view = new View();
const sound = new Sound(at("sound"), [t("Sound on"), t("Sound off")]);
let line = null;

/** A token in the fragment is taken, and gone from the address at once. Whether there was one. */
function takeFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (token) localStorage.setItem(KEPT, token);
  return Boolean(token);
}

function start() {
  line?.close();
  view.forget();
  view.page("wall");
  const token = localStorage.getItem(KEPT) ?? "";
  at("sign-out").hidden = !token;
  const address = new URL("/ws/wall", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (branch !== null) address.searchParams.set("branch", branch);
  line = new Line(address, token, { told: stands, heard });
}

function door(trouble) {
  line?.close();
  line = null;
  view.forget();
  view.page("door");
  at("sign-out").hidden = true;
  at("trouble").hidden = !trouble;
  at("trouble").querySelector('[data-part="text"]').textContent = trouble;
}

function stands(state, { since, why }) {
  if (state === "refused") {
    if (NOWHERE.has(why)) {
      view.page("elsewhere");
      return;
    }
    if (why === "bad_token") localStorage.removeItem(KEPT);
    door(TROUBLES[why] ?? "");
  } else if (state === "cut") view.cut(since, { unreachable: true, busy: why === "busy" });
  else if (state === "connecting" || state === "unreachable") {
    view.cut(0, { unreachable: state === "unreachable", busy: why === "busy" });
  }
}

/** The service speaks otherwise than this page, which is older than it: load the new one, but not again and again. */
function renew() {
  if (performance.now() > 60_000) location.reload();
}

function heard(message, answer) {
  if (message.type === "welcome") {
    if (message.v !== SPOKEN || message.assets !== assets) renew();
    view.welcome(message, (page) => answer({ type: "turn", page }));
  } else if (message.type === "picture") view.picture(message, performance.now());
}

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  localStorage.setItem(KEPT, at("token").value.trim());
  at("token").value = "";
  start();
});
at("sign-out").addEventListener("click", () => {
  localStorage.removeItem(KEPT);
  door("");
});
at("branches").addEventListener("change", (event) => {
  const address = new URL(location.href);
  if (event.target.value) address.searchParams.set("branch", event.target.value);
  else address.searchParams.delete("branch");
  location.assign(address);
});
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
  view.tick(now);
  sound.late(view.late, now);
}, TICK);

at("enter").href = `${new URL(at("enter").href).pathname}?${new URLSearchParams({ next: location.pathname + location.search })}`;
takeFragment();
start();
