// The document beside the answer, with the quote marked.

import { h, show } from "./dom.js";
import { get } from "./server.js";
import { t } from "./text.js";

const panel = () => document.getElementById("reader");
const frame = () => document.querySelector(".frame");
let opener = null;

// place names where something stands in a document.
export function place(at) {
  const parts = [[at.document, ...(at.section ?? [])].join(" › ")];
  if (at.page) parts.push(t.page(at.page));
  else if (at.lines && at.lines[0] && at.lines[1] > at.lines[0]) parts.push(t.lines(at.lines[0], at.lines[1]));
  else if (at.lines?.[0] || at.line) parts.push(t.line(at.lines?.[0] ?? at.line));
  return parts.join(", ");
}

// found looks up the document of a kept quote, which is named by its path.
async function found(at) {
  const page = await get("/v1/documents?limit=1&path=" + encodeURIComponent(at.document));
  if (!page.documents.length) throw new Error(t.gone);
  return { ...at, document_id: page.documents[0].id };
}

// placed finds where a kept quote stands in a text, in bytes.
function placed(at, text) {
  const index = text.indexOf(at.quote);
  const size = part => new TextEncoder().encode(part).length;
  const start = index < 0 ? 0 : size(text.slice(0, index));
  return { ...at, start, end: index < 0 ? 0 : start + size(at.quote) };
}

// open shows a document with the bytes from start to end marked.
export async function open(at) {
  opener = document.activeElement;
  let text;
  try {
    if (!at.document_id) at = await found(at);
    text = await get("/v1/documents/" + encodeURIComponent(at.document_id));
  } catch (error) {
    text = { title: at.document, text: t.wrong + error.message };
    at = { ...at, start: 0, end: 0 };
  }
  if (at.citation) at = placed(at, text.text);
  const bytes = new TextEncoder().encode(text.text);
  const cut = (from, to) => new TextDecoder().decode(bytes.slice(from, to));
  const quote = h("mark", { tabindex: "-1" }, cut(at.start, at.end));
  const close = h("button", { type: "button", onclick: shut }, t.close);
  show(panel(),
    h("header", {}, h("div", {}, h("h2", {}, text.title || text.path), h("div", { class: "hint" }, place(at))), close),
    h("pre", { lang: text.language || null, dir: "auto" }, cut(0, at.start), quote, cut(at.end, bytes.length)));
  panel().hidden = false;
  frame().classList.add("open");
  quote.scrollIntoView({ block: "center" });
  close.focus({ preventScroll: true });
}

// shut closes the document and goes back to what opened it.
export function shut() {
  if (panel().hidden) return;
  panel().hidden = true;
  frame().classList.remove("open");
  opener?.focus();
}

document.addEventListener("keydown", event => { if (event.key === "Escape") shut(); });
