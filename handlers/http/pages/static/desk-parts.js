// Pieces of the document: made from its templates, filled with text and nothing but text.

/** A copy of the one element in a template. */
export function fresh(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

/** The element with this data-part. */
export function part(element, name) {
  return element.querySelector(`[data-part="${name}"]`);
}

/** Set its text, if that is another one. */
export function say(element, name, text) {
  const found = part(element, name);
  if (found.textContent !== text) found.textContent = text;
}

/** Whether it is there. */
export function show(element, name, visible) {
  part(element, name).hidden = !visible;
}
