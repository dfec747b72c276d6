// The page's views: ask, search, documents, status.

import { h, show } from "./dom.js";
import { open, place, shut } from "./reader.js";
import { events, get, post, Refused, useToken } from "./server.js";
import { language, t } from "./text.js";

const main = document.getElementById("main");
let turns = []; // of the conversation, for follow-up questions

document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
for (const element of document.querySelectorAll("[data-text]")) element.textContent = t[element.dataset.text];

function failed(error) {
  if (error.name === "AbortError") return null;
  if (!(error instanceof Refused)) return h("p", { class: "note", role: "alert" }, t.wrong + error.message);
  const input = h("input", { type: "password", autocomplete: "off", id: "token", "aria-label": t.tokenLabel });
  return h("div", { class: "note", role: "alert" }, h("p", {}, t.token),
    h("form", { class: "question", onsubmit: event => { event.preventDefault(); useToken(input.value); route(); } },
      input, h("button", { class: "primary" }, t.tokenSend)));
}

// questionForm is a box that grows, sends on Enter and breaks lines on Shift+Enter.
function questionForm(label, placeholder, button, send) {
  const box = h("textarea", { rows: "1", "aria-label": label, placeholder, maxlength: "8000", id: "question",
    oninput: () => { box.style.height = "auto"; box.style.height = box.scrollHeight + "px"; },
    onkeydown: event => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); } } });
  const submit = h("button", { class: "primary" }, button);
  const form = h("form", { class: "question", onsubmit: event => {
    event.preventDefault();
    const text = box.value.trim();
    if (text) { box.value = ""; box.style.height = "auto"; send(text); }
  } }, box, submit);
  return { form, box, submit };
}

// withMarkers turns [n] into buttons that open the quote.
function withMarkers(text, citations) {
  const byMarker = new Map(citations.map(c => [String(c.marker), c]));
  return text.split(/(\[\d+\])/).map(part => {
    const c = byMarker.get(part.slice(1, -1));
    if (!c || !/^\[\d+\]$/.test(part)) return part;
    return h("button", { class: "marker", type: "button", title: c.quote, "aria-label": `${part} ${place(c)}`, onclick: () => open(c) }, String(c.marker));
  });
}

function markdown(answer) {
  const sources = answer.citations.map(c => `[${c.marker}]: ${place(c)} — “${c.quote.replace(/\s+/g, " ")}”`);
  return `**${answer.question}**\n\n${answer.answer}\n\n${sources.join("\n")}\n`;
}

function settled(box, answer) {
  const copy = h("button", { type: "button", class: "link", onclick: async () => {
    await navigator.clipboard.writeText(markdown(answer));
    copy.textContent = t.copied;
  } }, t.copy);
  const nearest = answer.status === "not_found" ? answer.passages.slice(0, 3) : [];
  show(box,
    answer.standalone ? h("p", { class: "hint" }, t.asked + answer.standalone) : null,
    answer.note ? h("p", { class: "note" }, answer.note) : null,
    answer.degraded.map(d => h("p", { class: "hint" }, d.reason)),
    h("div", { class: "answer", dir: "auto" }, withMarkers(answer.answer, answer.citations)),
    answer.missing && answer.missing !== answer.answer ? h("p", { class: "hint" }, answer.missing) : null,
    answer.citations.length ? h("ul", { class: "sources" }, answer.citations.map(c => h("li", {}, h("button", { class: "source", type: "button", onclick: () => open(c) },
      h("b", {}, `[${c.marker}]`), h("span", { class: "place" }, place(c)), h("q", { dir: "auto" }, c.quote))))) : null,
    nearest.length ? h("div", {}, h("h2", {}, t.nearest), h("ul", { class: "sources" }, nearest.map(p => h("li", {}, h("button", { class: "source", type: "button", onclick: () => open(p) },
      h("b", {}, String(p.rank)), h("span", { class: "place" }, place(p)), h("span", {}, p.text.slice(0, 180) + (p.text.length > 180 ? " …" : ""))))))) : null,
    h("div", { class: "extra" }, h("span", { class: "badge " + answer.status }, t[answer.status]),
      answer.removed.length ? h("details", {}, h("summary", {}, t.removed(answer.removed.length)),
        h("ul", {}, answer.removed.map(r => h("li", {}, `${r.text} — ${t[r.reason] ?? r.reason}`)))) : null, copy));
}

async function answerTo(question, into, form) {
  const box = h("div", { "aria-live": "polite", "aria-busy": "true" }, h("p", { class: "hint" }, t.thinking));
  into.append(h("section", { class: "turn" }, h("h2", { class: "asked", dir: "auto" }, question), box));
  box.parentElement.scrollIntoView({ block: "start" });
  const stop = new AbortController();
  form.submit.textContent = t.stop;
  const onStop = event => { event.preventDefault(); stop.abort(); };
  form.submit.addEventListener("click", onStop);
  let draft = "";
  try {
    await events("/v1/ask", { question, history: turns }, stop.signal, (event, data) => {
      if (event === "delta") draft += data.text;
      if (event === "restart") draft = "";
      if (event === "delta" || event === "restart") show(box, h("p", { class: "hint" }, t.writing), h("div", { class: "answer pending", dir: "auto" }, draft));
      if (event === "error") show(box, failed(new Error(data.error.message)));
      if (event === "answer") {
        settled(box, data);
        turns = [...turns.slice(-9), { question: data.standalone || data.question, answer: data.answer }];
      }
    });
  } catch (error) {
    show(box, failed(error));
  }
  box.setAttribute("aria-busy", "false");
  form.submit.removeEventListener("click", onStop);
  form.submit.textContent = t.send;
}

function askView() {
  const talk = h("div");
  const form = questionForm(t.askLabel, t.askPlace, t.send, question => answerTo(question, talk, form));
  turns = [];
  show(main, h("h1", {}, t.askTitle), h("p", { class: "hint" }, t.askHint), form.form, talk);
  form.box.focus();
}

function passageItem(p) {
  const legs = ["sparse", "dense"].filter(leg => p.legs[leg]);
  return h("li", { class: "passage" },
    h("div", { class: "place" }, h("button", { class: "link", type: "button", onclick: () => open(p) }, `${p.rank}. ${place(p)}`)),
    h("p", { dir: "auto" }, p.text.length > 500 ? p.text.slice(0, 500) + " …" : p.text),
    h("div", { class: "bars" }, legs.flatMap(leg => [h("span", {}, t[leg]),
      h("meter", { min: "0", max: "1", value: String(Math.max(0, Math.min(1, p.legs[leg].normalised))), "aria-label": t[leg] }), h("span", {}, `#${p.legs[leg].rank}`)])),
    p.explain?.terms?.length ? h("div", { class: "terms" }, t.terms + p.explain.terms.slice(0, 8).map(x => x.term).join(" · ")) : null);
}

function searchView() {
  const found = h("div", { "aria-live": "polite" });
  const form = questionForm(t.searchLabel, t.searchPlace, t.find, async query => {
    form.box.value = query;
    show(found, h("p", { class: "hint" }, t.thinking));
    try {
      const result = await post("/v1/search", { query, limit: 10, explain: true });
      show(found, result.degraded.map(d => h("p", { class: "hint" }, d.reason)),
        result.hits.length ? h("ol", { class: "passages" }, result.hits.map(passageItem)) : h("p", { class: "hint" }, t.nothing));
    } catch (error) {
      show(found, failed(error));
    }
  });
  show(main, h("h1", {}, t.searchTitle), form.form, found);
  form.box.focus();
}

async function documentsView() {
  show(main, h("h1", {}, t.documentsTitle), h("p", { class: "hint" }, t.thinking));
  const rows = h("tbody");
  const more = h("button", { type: "button", hidden: true }, t.more);
  let offset = 0;
  const load = async () => {
    const page = await get(`/v1/documents?limit=200&offset=${offset}`);
    offset += page.documents.length;
    rows.append(...page.documents.map(d => h("tr", {},
      h("td", {}, d.status === "failed" ? d.path : h("button", { class: "link", type: "button", onclick: () => open({ document_id: d.id, document: d.path, start: 0, end: 0 }) }, d.path)),
      h("td", { class: "wide", dir: "auto" }, d.title), h("td", { class: "number" }, String(d.chunks)),
      h("td", {}, h("span", { class: "badge " + d.status, title: d.error }, t[d.status]), d.error ? h("div", { class: "hint" }, d.error) : null))));
    more.hidden = !page.more;
  };
  more.addEventListener("click", load);
  try {
    await load();
  } catch (error) {
    return show(main, h("h1", {}, t.documentsTitle), failed(error));
  }
  if (offset === 0) return show(main, h("h1", {}, t.documentsTitle), h("p", {}, t.empty), h("p", {}, h("code", {}, "lore index ~/Documents/…")));
  show(main, h("h1", {}, t.documentsTitle), h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.path), h("th", { scope: "col", class: "wide" }, t.title),
    h("th", { scope: "col", class: "number" }, t.chunks), h("th", { scope: "col" }, t.state))), rows), h("p", {}, more));
}

async function statusView() {
  show(main, h("h1", {}, t.statusTitle), h("p", { class: "hint" }, t.thinking));
  try {
    const { collections } = await get("/v1/collections");
    const number = n => n.toLocaleString(document.documentElement.lang);
    show(main, h("h1", {}, t.statusTitle), collections.map(c => h("dl", { class: "facts" },
      [[t.collection, c.name], [t.count, number(c.documents)], [t.unread, c.failed ? number(c.failed) : null],
        [t.vectors, `${number(c.embedded)} / ${number(c.chunks)}`], [t.text, `${(c.bytes / 1048576).toFixed(1)} MB`], [t.model, c.model || t.none],
        [t.languages, Object.entries(c.languages ?? {}).map(([k, v]) => `${k || "–"} ${number(v)}`).join(", ")]]
        .filter(([, value]) => value !== null).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))));
  } catch (error) {
    show(main, h("h1", {}, t.statusTitle), failed(error));
  }
}

const views = { ask: askView, search: searchView, documents: documentsView, status: statusView };

function route() {
  const name = location.hash.replace(/^#\//, "") in views ? location.hash.slice(2) : "ask";
  shut();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  views[name]();
}

window.addEventListener("hashchange", route);
route();
