// What the views are built of. Elements are made without markup in strings: text
// from documents can never become markup.

import { Refused, useToken } from "./server.js";
import { t } from "./text.js";

const svgNames = "http://www.w3.org/2000/svg";

function filled(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

// h makes an element. Properties that begin with "on" are listeners; null
// properties and children are left out.
export const h = (name, properties = {}, ...children) => filled(document.createElement(name), properties, children);

// drawn makes an element of a drawing.
export const drawn = (name, properties = {}, ...children) => filled(document.createElementNS(svgNames, name), properties, children);

// show replaces what an element holds.
export function show(element, ...children) {
  element.replaceChildren(...children.flat(3).filter(child => child !== null && child !== undefined && child !== false));
}

const paths = {
  good: "M7 11v9M7 11l4-8c1.7 0 2.6 1.2 2.3 2.8L12.6 10H19a2 2 0 0 1 2 2.4l-1.3 6A2 2 0 0 1 17.7 20H7M3 11h4v9H3z",
  bad: "M7 13V4M7 13l4 8c1.7 0 2.6-1.2 2.3-2.8L12.6 14H19a2 2 0 0 0 2-2.4l-1.300-6A2 2 0 0 0 17.7 4H7M3 4h4v9H3z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  close: "M6 6l12 12M18 6L6 18",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6h6l2 2h10v11H3z",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  pen: "M4 20l1-4L16.500 4.500l3 3L8 19zM14 7l3 3",
  plus: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  bigger: "M12 5v14M5 12h14",
  smaller: "M5 12h14",
};

// icon is a small drawing that says nothing to screen readers.
export const icon = name => drawn("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" }, drawn("path", { d: paths[name] }));

// bar is a drawn share of 1.
export function bar(share, kind = "") {
  const width = Math.round(100 * Math.max(0, Math.min(1, share)));
  return drawn("svg", { class: "bar " + kind, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("rect", { class: "back", width: "100", height: "8" }), drawn("rect", { class: "fore", width: String(width), height: "8" }));
}

// failed says what went wrong; where a token is missing it asks for one.
export function failed(error) {
  if (error.name === "AbortError") return null;
  if (!(error instanceof Refused)) return h("p", { class: "note", role: "alert" }, t.wrong + error.message);
  const input = h("input", { type: "password", autocomplete: "off", id: "token", "aria-label": t.tokenLabel });
  return h("div", { class: "note", role: "alert" }, h("p", {}, t.token),
    h("form", { class: "question", onsubmit: event => { event.preventDefault(); useToken(input.value); window.dispatchEvent(new Event("hashchange")); } },
      input, h("button", { class: "primary" }, t.tokenSend)));
}

// questionForm is a box that grows, sends on Enter and breaks lines on Shift+Enter.
export function questionForm(label, placeholder, button, send) {
  const box = h("textarea", { rows: "1", "aria-label": label, placeholder, maxlength: "8000", id: "question", dir: "auto", enterkeyhint: "send",
    oninput: () => { if (box.value === "\n") box.value = ""; grow(); },
    onkeydown: event => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); if (!form.classList.contains("busy")) form.requestSubmit(); } } });
  const grow = () => { box.style.height = "auto"; box.style.height = box.scrollHeight + "px"; };
  const submit = h("button", { class: "primary" }, button);
  const form = h("form", { class: "question", onsubmit: event => {
    event.preventDefault();
    const text = box.value.trim();
    if (text) { box.value = ""; box.style.height = "auto"; send(text); }
  } }, box, submit);
  return { form, box, submit, grow };
}
