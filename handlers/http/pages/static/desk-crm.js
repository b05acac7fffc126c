// The way from a call into another program: a link, and a key for the call that is shown first. It never opens by itself.

import { part, show } from "./desk-parts.js";

/** The link of one call; `address` comes from the service, null: there is none. */
export function showCrm(card, address) {
  const link = part(card, "crm");
  const fine = /^https?:\/\//.test(address ?? "");
  if (fine && link.getAttribute("href") !== address) link.setAttribute("href", address);
  show(card, "crm-box", fine);
}

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.code !== "Digit6") return;
  const link = document.querySelector('#calls [data-part="crm-box"]:not([hidden]) a');
  if (link === null) return;
  event.preventDefault();
  link.click();
});
