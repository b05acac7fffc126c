// What is typed into a form stays until it is saved: after a reload, a lost connection, or in a second window.
// Drafts lie in this browser alone, one for each person, case and form; those of others, and of yesterday, go.

const KEPT_HOURS = 12;
const PREFIX = "threerings draft ";
const forms = [...document.querySelectorAll("form[data-draft]")];

function keyOf(form) {
  return `${PREFIX}${form.dataset.who} ${form.dataset.draft}`;
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null; // not ours, or there is no storage
  }
}

function write(key, draft) {
  try {
    if (draft === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // full, or forbidden: then only what the page itself keeps is kept
  }
}

function fieldsOf(form) {
  return [...form.elements].filter((one) => one.name && one.type !== "hidden" && one.tagName !== "BUTTON");
}

function valuesOf(form) {
  return fieldsOf(form).map((one) => (one.type === "checkbox" || one.type === "radio" ? one.checked : one.value));
}

function same(some, others) {
  const plain = (value) => (typeof value === "string" ? value.trim().replaceAll("\r\n", "\n") : value);
  return some.length === others.length && some.every((value, at) => plain(value) === plain(others[at]));
}

function put(form, values) {
  fieldsOf(form).forEach((one, at) => {
    if (one.type === "checkbox" || one.type === "radio") one.checked = values[at];
    else one.value = values[at];
  });
  form.closest("details")?.setAttribute("open", "");
  form.dispatchEvent(new Event("filled"));
}

function forget(keep) {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  for (const name of names) if (!keep(name, read(name))) write(name, null);
}

function keepFor(form) {
  const key = keyOf(form);
  const attempt = form.elements.key.value;
  const first = valuesOf(form);
  const draft = read(key);
  if (draft && !same(draft.values, first) && draft.values.length === first.length) put(form, draft.values);
  else if (draft) write(key, null);
  const keep = () => {
    const values = valuesOf(form);
    write(key, same(values, first) ? null : { at: Date.now(), attempt, values });
  };
  form.addEventListener("input", keep);
  form.addEventListener("submit", keep);
  addEventListener("storage", (event) => {
    if (event.key !== key || form.contains(document.activeElement)) return;
    put(form, read(key)?.values ?? first);
  });
}

function showKind(form) {
  const chosen = form.elements.kind;
  const only = [...form.querySelectorAll("[data-kind]")];
  if (!chosen || !only.length) return;
  const show = () => {
    for (const one of only) one.hidden = one.dataset.kind !== chosen.value;
  };
  chosen.addEventListener("change", show);
  form.addEventListener("filled", show);
  show();
}

const done = document.querySelector("[data-done]")?.dataset.done;
try {
  const who = forms[0]?.dataset.who;
  const limit = Date.now() - KEPT_HOURS * 3600 * 1000;
  forget(
    (name, draft) =>
      draft && draft.at > limit && (!done || draft.attempt !== done) && (!who || name.startsWith(`${PREFIX}${who} `)),
  );
} catch {
  // there is no storage
}
if (done) history.replaceState(null, "", location.pathname);
for (const form of forms) keepFor(form);
for (const form of document.forms) showKind(form);
