// Parts that several views use: the box for a question, and what is said when
// something fails.

import { h } from "./dom.js";
import { Refused, useToken } from "./server.js";
import { t } from "./text.js";

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
  const box = h("textarea", { rows: "1", "aria-label": label, placeholder, maxlength: "8000", id: "question",
    oninput: () => { if (box.value === "\n") box.value = ""; box.style.height = "auto"; box.style.height = box.scrollHeight + "px"; },
    onkeydown: event => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); } } });
  const submit = h("button", { class: "primary" }, button);
  const form = h("form", { class: "question", onsubmit: event => {
    event.preventDefault();
    const text = box.value.trim();
    if (text) { box.value = ""; box.style.height = "auto"; send(text); }
  } }, box, submit);
  return { form, box, submit };
}
