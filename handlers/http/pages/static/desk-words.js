// What the page says, in the language that the server has chosen; lengths and times as people read them.

const spoken = JSON.parse(document.getElementById("words").textContent);
/** He has an account and a session, so that no token is asked for. */
export const signedIn = spoken.signed_in;
const messages = new Map(Object.entries(spoken.messages));

/** The message in the page's language, {names} replaced by values; nothing within a value is replaced again. */
export function t(text, values = {}) {
  return (messages.get(text) ?? text).replace(/\{(\w+)\}/g, (whole, name) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

/** Seconds as 0:07, 12:34, 1:02:07; nothing for null. */
export function length(seconds) {
  if (seconds === null) return "";
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const formats = { timeZone: spoken.zone, hourCycle: "h23" };
const date = { ...formats, month: "short", day: "numeric" };
const day = new Intl.DateTimeFormat(spoken.tag, { ...date, year: "numeric" });
const dayOfThisYear = new Intl.DateTimeFormat(spoken.tag, date);
const year = new Intl.DateTimeFormat(spoken.tag, { ...formats, year: "numeric" });
const hour = new Intl.DateTimeFormat(spoken.tag, { ...formats, hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat(spoken.tag, { ...formats, timeStyle: "medium" });

/** A moment as the site's clock showed it: "Today 14:03". */
export function moment(text) {
  const then = new Date(text);
  if (Number.isNaN(then.getTime())) return "";
  return `${dayOf(then)} ${hour.format(then)}`;
}

/** A Date to the second, as the site's clock shows it. */
export function clock(then) {
  return second.format(then);
}

function dayOf(then) {
  const now = new Date();
  const that = day.format(then);
  if (that === day.format(now)) return t("Today");
  if (that === day.format(new Date(now.getTime() - 86_400_000))) return t("Yesterday");
  return year.format(then) === year.format(now) ? dayOfThisYear.format(then) : that;
}

export const PHASES = {
  ringing: t("Ringing"),
  talking: t("In talk"),
  ended: t("Ended"),
  withdrawn: t("Withdrawn"),
};

export const REASONS = {
  elsewhere: t("A colleague has answered"),
  no_answer: t("It rang and was not answered"),
  caller_left: t("The caller has hung up"),
  busy: t("Your phone was busy, or refused it"),
  other: t("The call has left your phone"),
};

export const ENDERS = { caller: t("The caller"), agent: t("You"), pbx: t("The telephone system") };

export const OUTCOMES = {
  answered: t("Answered"),
  abandoned: t("Gave up"),
  timeout: t("Not answered in time"),
  key_exit: t("Left by a key"),
  empty: t("No agent left"),
  withdrawn: t("Withdrawn"),
  redirected: t("Moved away"),
  busy: t("Busy"),
  unreachable: t("Phone unreachable"),
  incompatible: t("No common codec"),
  ended_by_pbx: t("Ended by the PBX"),
  refused_full: t("Queue was full"),
  refused_empty: t("No agent there"),
  exited: t("Left unanswered"),
  lost: t("End not known"),
};
