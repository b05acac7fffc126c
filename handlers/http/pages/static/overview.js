// Keeps the first page up to date. The server renders everything, and escapes what callers wrote; here the same markup is
// parsed by DOMParser, which runs and loads nothing, and only its nodes are swapped in. No text becomes markup here.

const EVERY = 2000;
const PATIENCE = 5000;
const now = document.getElementById("now");
const cut = document.getElementById("cut");
const address = new URL(location.href);
address.searchParams.set("part", "now");
address.hash = "";
let timer = 0;
let since = null;

const part = (node) => node.dataset.part;
const clock = (moment) =>
  moment.toLocaleTimeString("en-GB", { timeZone: cut.dataset.zone, hour12: false });

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const parts = new Map([...fresh.querySelectorAll("[data-part]")].map((node) => [part(node), node]));
  const notes = parts.get("notes");
  if (!notes || notes.dataset.assets !== now.querySelector('[data-part="notes"]').dataset.assets) {
    location.reload(); // another version of the service: its markup wants its own styles and script
    return;
  }
  const focused = document.activeElement?.id;
  for (const old of now.querySelectorAll("[data-part]")) {
    const node = parts.get(part(old));
    if (node && !node.isEqualNode(old)) old.replaceWith(document.adoptNode(node));
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const headline = now.querySelector('[data-part="headline"]');
  now.querySelector("#verdict").className = `verdict card ${headline.classList.item(1)}`;
  document.title = document.title.replace(/^.*(?= · )/s, headline.dataset.title);
}

async function refresh() {
  clearTimeout(timer);
  try {
    const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload(); // signed out meanwhile: the server says where to go
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    since = null;
  } catch {
    since ??= new Date();
    cut.querySelector("[data-since]").textContent = clock(since);
    cut.querySelector("[data-at]").textContent = now.querySelector("#asof").textContent;
  }
  cut.hidden = since === null;
  now.classList.toggle("stale", since !== null);
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) refresh();
});
addEventListener("online", refresh);
timer = setTimeout(refresh, EVERY);
