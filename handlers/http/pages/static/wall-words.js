// What the wallboard says, in the language that the server has chosen; figures as people read them.

const spoken = JSON.parse(document.getElementById("words").textContent);
const messages = new Map(Object.entries(spoken.messages));
const NOTHING = "–";
/** So many names are told in one sentence. */
const NAMED = 3;

/** Sentences, one after the other, as the language writes them. */
export const sentences = (said) => said.filter(Boolean).join(spoken.tag.startsWith("zh") ? "" : " ");

/** The build of these files: a service with another one wants its own. */
export const assets = spoken.assets;

/** The message in the page's language, {names} replaced by values; nothing within a value is replaced again. */
export function t(text, values = {}) {
  return (messages.get(text) ?? text).replace(/\{(\w+)\}/g, (whole, name) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

const fixed = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat(spoken.tag, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);
const list = new Intl.ListFormat(spoken.tag);
const second = new Intl.DateTimeFormat(spoken.tag, { timeZone: spoken.zone, hourCycle: "h23", timeStyle: "medium" });
const minute = new Intl.DateTimeFormat(spoken.tag, {
  timeZone: spoken.zone,
  hourCycle: "h23",
  hour: "2-digit",
  minute: "2-digit",
});

export const number = (value) => (value === null ? NOTHING : fixed[0].format(value));
export const clock = (date) => second.format(date);
export const hour = (date) => minute.format(date);

/** The number with one decimal; with two where one would look like a limit that it is not at, and never on its side. */
function apart(value, limit) {
  if (limit === null || value === limit || fixed[1].format(value) !== fixed[1].format(limit)) return fixed[1].format(value);
  return fixed[2].format((value < limit ? Math.floor(value * 100) : Math.ceil(value * 100)) / 100);
}

/** A ratio as 8.3%; a dash for null. A share that is not all never reads as 100%, nor a little as 0%. */
export function share(value, limit = null) {
  if (value === null) return NOTHING;
  const percent = value * 100;
  const shown = percent > 0 && percent < 0.1 ? 0.1 : percent < 100 && percent > 99.9 ? 99.9 : percent;
  return `${shown === 100 ? "100" : apart(shown, limit === null ? null : limit * 100)}%`;
}

/** A limit in percent, with the decimals that it needs. */
function limitShare(value) {
  const percent = Math.round(value * 1000) / 10;
  return `${fixed[Number.isInteger(percent) ? 0 : 1].format(percent)}%`;
}

/** A length of time as 7.4 s, from one minute on as 2:07; a dash for null. */
function seconds(value, limit = null) {
  if (value === null) return NOTHING;
  if (value >= 59.95) return ticking(value);
  return t("{seconds} s", { seconds: apart(value, limit) });
}

/** Whole seconds as 0:07, 12:34, 1:02:07; a dash for null. */
export function ticking(value) {
  if (value === null) return NOTHING;
  const all = Math.max(0, Math.floor(value));
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (figure) => String(figure).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export const OUTLOOKS = {
  kept: t("Kept"),
  at_risk: t("At risk"),
  missed: t("Missed"),
  no_calls: t("No calls yet"),
  unknown: t("No live data"),
};

const rings = { named: (limits) => t("Within {rings} rings", { rings: limits.rings }) };

/** The measures, in their order: name, how a value is written, where it is not kept, and the words of its limit. */
export const MEASURES = [
  { id: "abandonment", name: () => t("Given up"), write: share, above: true, most: 1, asked: asksShare },
  { id: "unanswered", name: () => t("Unanswered"), write: share, above: true, most: 1, asked: asksShare },
  { id: "mean_wait", name: () => t("Mean wait"), write: seconds, above: true, most: Infinity, asked: asksSeconds },
  { id: "within_rings", name: rings.named, write: share, above: false, most: 1, asked: asksLeast },
];

function asksShare(limit) {
  return t("at most {limit}", { limit: limitShare(limit) });
}

function asksSeconds(limit) {
  return t("less than {limit}", { limit: limit < 60 ? t("{seconds} s", { seconds: number(limit) }) : ticking(limit) });
}

function asksLeast(limit) {
  return t("at least {limit}", { limit: limitShare(limit) });
}

const WHYS = {
  abandonment: {
    day: t("Too many callers give up."),
    lately: t("Lately too many callers give up."),
    near: t("Giving up is near its limit."),
  },
  unanswered: {
    day: t("Too many calls stay unanswered."),
    lately: t("Lately too many calls stay unanswered."),
    near: t("Unanswered calls are near their limit."),
  },
  mean_wait: {
    day: t("Callers wait too long."),
    lately: t("Lately callers wait too long."),
    near: t("The mean wait is near its limit."),
  },
  within_rings: {
    day: t("Phones ring too long."),
    lately: t("Lately phones ring too long."),
    near: t("Answering in time is near its limit."),
  },
};

/** The queues and lines that would miss the standard by themselves, though all together keep it. */
function alone(rows) {
  const names = rows.filter((row) => row.outlook === "missed").map(titled);
  return names.length ? t("By themselves not: {names}.", { names: naming(names, names.length) }) : "";
}

/** Some of so many names, and how many more there are. */
export function naming(names, all) {
  const named = names.slice(0, NAMED).map((name) => name || t("Other telephones"));
  return list.format(all > named.length ? [...named, t("{count} more", { count: number(all - named.length) })] : named);
}

/** Why the whole stands as it does: the reasons of the worst kind, each a sentence. */
export function reasons({ measures, outlook }, rows) {
  if (outlook === "kept") return [t("Every measure of today is within its limit."), alone(rows)];
  return MEASURES.filter(({ id }) => measures[id].outlook === outlook && measures[id].why)
    .map(({ id }) => WHYS[id][measures[id].why])
    .filter(Boolean);
}

/** How a queue or line is called. */
export function titled({ title, kind }) {
  return title || (kind === "queue" ? t("Other queues") : t("Other telephones"));
}

const STATES = {
  ringing: (count) => t("{count} ringing", { count }),
  talking: (count) => t("{count} talking", { count }),
  wrap_up: (count) => t("{count} wrapping up", { count }),
  paused: (count) => t("{count} paused", { count }),
};

/** What those agents do who are there and not ready. */
export function doing(agents) {
  return Object.entries(STATES)
    .filter(([state]) => agents[state])
    .map(([state, say]) => say(number(agents[state])).replaceAll(" ", "\u00a0"))
    .join(" · ");
}

/** How well the day is known; nothing when all of it was heard as it happened. */
export function evidence(told) {
  const visits = told.live + told.partial + told.reconstructed + told.approximate;
  const part = (count) => share(visits ? count / visits : null);
  const said = [];
  if (visits) said.push(t("Heard as it happened: {share}", { share: part(told.live) }));
  if (told.partial) said.push(t("in part: {share}", { share: part(told.partial) }));
  if (told.reconstructed) said.push(t("reconstructed from logs: {share}", { share: part(told.reconstructed) }));
  if (told.approximate) said.push(t("by an uncertain clock: {share}", { share: part(told.approximate) }));
  if (told.lost) said.push(t("left out, end not known: {count}", { count: number(told.lost) }));
  if (told.wait_unknown) said.push(t("wait not known: {count}", { count: number(told.wait_unknown) }));
  if (told.rings_unknown) said.push(t("rings not known: {count}", { count: number(told.rings_unknown) }));
  return said.join(" · ");
}
