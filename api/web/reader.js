// The document beside the answer: a PDF as it looks, anything else as text with
// its structure; the quote is marked in both.

import { failed, h, icon, show } from "./parts.js";
import { call, get, save, within } from "./server.js";
import { structured } from "./structure.js";
import { place, spot, t } from "./text.js";

const panel = document.getElementById("reader");
const frame = document.querySelector(".frame");
let opener = null;
let paper = null; // the PDF that is shown
let turn = 0;

// found looks up the document of a kept quote, which is named by its path.
async function found(at) {
  const page = await get(within("/v1/documents?limit=1&path=" + encodeURIComponent(at.document)));
  if (!page.documents.length) throw new Error(t.gone);
  return { ...at, document_id: page.documents[0].id };
}

// span returns where the quote stands in the text, in UTF-16 units: the server
// counts bytes of UTF-8. A kept quote is looked for.
function span(at, text) {
  if (at.citation) {
    const start = text.indexOf(at.quote);
    return start < 0 ? [0, 0] : [start, start + at.quote.length];
  }
  const bytes = new TextEncoder().encode(text);
  const length = to => new TextDecoder().decode(bytes.subarray(0, to)).length;
  const start = length(at.start ?? 0);
  return [start, Math.max(start, length(at.end ?? 0))];
}

// open shows a document with its passage marked. by is the button that was
// pressed, for the way back.
export async function open(at, by) {
  const mine = ++turn;
  opener = document.activeElement === document.body ? by : document.activeElement;
  for (const other of document.querySelectorAll(".source[aria-current], .where[aria-current]")) other.removeAttribute("aria-current");
  by?.setAttribute("aria-current", "true");
  paper?.close();
  paper = null;
  const close = h("button", { type: "button", class: "quiet", title: t.close, "aria-label": t.close, onclick: shut }, icon("close"));
  const title = h("h2", { dir: "auto", tabindex: "-1" }, at.title || at.document || t.opening);
  const where = h("p", { class: "hint", dir: "auto" }, place(at));
  const tools = h("div", { class: "tools" });
  const body = h("div", { class: "body" }, h("p", { class: "hint wait" }, t.opening));
  show(panel, h("header", {}, h("div", { class: "line" }, h("div", { class: "title" }, title, where), close), tools), body);
  panel.hidden = false;
  frame.classList.add("open");
  close.focus({ preventScroll: true });
  let text;
  try {
    if (!at.document_id) at = await found(at);
    text = await get(within("/v1/documents/" + encodeURIComponent(at.document_id)));
  } catch (error) {
    if (mine === turn) show(body, failed(error));
    return;
  }
  if (mine !== turn) return;
  title.textContent = text.title || text.path;
  at = { ...at, document: at.document || text.path };
  where.textContent = at.section?.length || spot(at) ? place({ ...at, document: text.path }) : text.path;
  const [start, end] = span(at, text.text);
  const content = within(`/v1/documents/${encodeURIComponent(at.document_id)}/content`);
  const original = h("button", { type: "button", class: "quiet", title: t.original, "aria-label": t.original, onclick: () => save(content, text.path.split("/").pop()).catch(e => body.prepend(failed(e))) }, icon("save"), h("span", {}, t.original));

  const asText = () => {
    paper?.close();
    paper = null;
    panel.classList.remove("paper");
    const drawn = structured(text, start, end);
    show(body, drawn.element);
    (drawn.mark ?? drawn.element).scrollIntoView({ block: drawn.mark ? "center" : "start" });
  };
  if (text.type !== "application/pdf") {
    show(tools, original);
    return asText();
  }

  const extra = h("span", { class: "paper-tools" });
  const asPaper = async () => {
    panel.classList.add("paper");
    show(body, h("p", { class: "hint wait" }, t.opening));
    try {
      const { openPaper } = await import("./paper.js");
      const shown = await openPaper(body, extra, content, { page: at.page || pageAt(text, start), quote: text.text.slice(start, end) });
      if (mine !== turn || !panel.classList.contains("paper")) return shown.close();
      paper = shown;
    } catch (error) {
      if (mine !== turn) return;
      show(extra);
      pick("text");
      body.prepend(h("p", { class: "note", role: "alert" }, t.noPaper + error.message));
    }
  };
  const ways = { paper: asPaper, text: asText };
  const button = (name, word) => h("button", { type: "button", "data-way": name, onclick: () => pick(name) }, word);
  const switcher = h("span", { class: "switch", role: "group", "aria-label": t.reader }, button("paper", t.asPaper), button("text", t.asText));
  const pick = name => {
    for (const b of switcher.children) b.setAttribute("aria-pressed", String(b.dataset.way === name));
    extra.hidden = name !== "paper";
    return ways[name]();
  };
  show(tools, switcher, extra, original);
  // A document whose file is not at hand is shown as text.
  const there = await call("HEAD", content).then(() => true, () => false);
  if (mine === turn) await pick(there ? "paper" : "text");
}

// pageAt tells on which page a place of the text is.
function pageAt(text, start) {
  const bytes = new TextEncoder().encode(text.text.slice(0, start)).length;
  return text.pages.findLast(p => p.start <= bytes)?.number ?? 1;
}

// shut closes the document and goes back to what opened it.
export function shut() {
  if (panel.hidden) return;
  turn++;
  paper?.close();
  paper = null;
  panel.hidden = true;
  panel.classList.remove("paper");
  show(panel);
  frame.classList.remove("open");
  for (const other of document.querySelectorAll("[aria-current='true'].source, [aria-current='true'].where")) other.removeAttribute("aria-current");
  if (opener?.isConnected) opener.focus();
}
