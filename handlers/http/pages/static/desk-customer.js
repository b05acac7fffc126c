// Which customer calls: his name, branch and value group, as soon as they are known.

import { signedIn, t } from "./desk-words.js";
import { part, show } from "./desk-parts.js";

/** Fill a call's line. */
export function showCustomer(card, customer) {
  const found = customer?.customers ?? [];
  const place = part(card, "customer");
  show(card, "customer", Boolean(customer) && customer.state !== "anonymous");
  if (found.length > 0) place.replaceChildren(...several(customer, found), ...found.map(line));
  else place.replaceChildren(note(customer?.state));
}

function several(customer, found) {
  if (found.length < 2) return [];
  const made = document.createElement("span");
  made.className = "soft small";
  const others = customer.more ? t("and others") : "";
  made.textContent = [t("Several customers share this number:"), others].join(" ").trim();
  return [made];
}

function note(state) {
  const made = document.createElement("span");
  made.className = "soft small";
  if (state === "asking") made.textContent = t("Asking…");
  if (state === "unavailable") made.textContent = t("Who calls is not known at the moment.");
  if (state === "known") made.textContent = t("No customer has this number.");
  return made;
}

function line(known) {
  const made = document.createElement("span");
  made.className = "known-customer";
  const linked = signedIn && /^[0-9a-f-]{36}$/.test(known.id ?? "");
  const name = document.createElement(linked ? "a" : "strong");
  if (linked) {
    name.href = `/customers/${known.id}`;
    name.target = "_blank";
    name.rel = "noopener";
  }
  const text = document.createElement("bdi");
  text.textContent = known.name;
  name.append(text);
  const more = document.createElement("bdi");
  more.className = "soft";
  more.textContent = [known.branch_title || known.branch, known.value_group].filter(Boolean).join(" · ");
  made.append(name, " ", more);
  return made;
}
