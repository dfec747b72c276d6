// The page's views and the way between them: ask.js and documents.js hold the
// two large ones.

import { askView } from "./ask.js";
import { documentsView } from "./documents.js";
import { h, show } from "./dom.js";
import { failed, questionForm } from "./form.js";
import { open, place, shut } from "./reader.js";
import { get, post } from "./server.js";
import { language, t } from "./text.js";

const main = document.getElementById("main");

document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
for (const element of document.querySelectorAll("[data-text]")) element.textContent = t[element.dataset.text];

function passageItem(p) {
  const legs = ["sparse", "dense"].filter(leg => p.legs[leg]);
  return h("li", { class: "passage" },
    h("div", { class: "place" }, h("button", { class: "link", type: "button", onclick: () => open(p) }, `${p.rank}. ${place(p)}`)),
    h("p", { dir: "auto" }, p.text.length > 500 ? p.text.slice(0, 500) + " …" : p.text),
    h("div", { class: "bars" }, legs.flatMap(leg => [h("span", {}, t[leg]),
      h("meter", { min: "0", max: "1", value: String(Math.max(0, Math.min(1, p.legs[leg].normalised))), "aria-label": t[leg] }), h("span", {}, `#${p.legs[leg].rank}`)])),
    p.explain?.terms?.length ? h("div", { class: "terms" }, t.terms + p.explain.terms.slice(0, 8).map(x => x.term).join(" · ")) : null);
}

// searchFilters are fields for the conditions of a search; value returns the
// filter, or nothing.
function searchFilters() {
  const field = (label, properties) => {
    const input = h("input", properties);
    return { input, box: h("label", {}, h("span", {}, label), input) };
  };
  const path = field(t.path, { placeholder: "policies/, **/*.pdf" });
  const after = field(t.after, { type: "date" });
  const before = field(t.before, { type: "date" });
  const lang = h("select", {}, h("option", { value: "" }, t.any), h("option", { value: "en" }, "English"), h("option", { value: "zh" }, "中文"));
  const value = () => {
    const f = {};
    const paths = path.input.value.split(",").map(p => p.trim()).filter(Boolean);
    if (paths.length) f.paths = paths;
    if (lang.value) f.languages = [lang.value];
    if (after.input.value) f.after = after.input.value;
    if (before.input.value) f.before = before.input.value;
    return Object.keys(f).length ? f : undefined;
  };
  return { box: h("details", { class: "filters" }, h("summary", {}, t.filters), h("div", {}, path.box, h("label", {}, h("span", {}, t.language), lang), after.box, before.box)), value };
}

function searchView() {
  const found = h("div", { "aria-live": "polite" });
  const filters = searchFilters();
  const form = questionForm(t.searchLabel, t.searchPlace, t.find, async query => {
    form.box.value = query;
    show(found, h("p", { class: "hint" }, t.thinking));
    try {
      const result = await post("/v1/search", { query, limit: 10, explain: true, filter: filters.value() });
      show(found, result.degraded.map(d => h("p", { class: "hint" }, t.degraded(d.reason))),
        result.hits.length ? h("ol", { class: "passages" }, result.hits.map(passageItem)) : h("p", { class: "hint" }, t.nothing));
    } catch (error) {
      show(found, failed(error));
    }
  });
  show(main, h("h1", {}, t.searchTitle), form.form, filters.box, found);
  form.box.focus();
}

async function statusView() {
  show(main, h("h1", {}, t.statusTitle), h("p", { class: "hint" }, t.thinking));
  try {
    const { collections } = await get("/v1/collections");
    const number = n => n.toLocaleString(document.documentElement.lang);
    show(main, h("h1", {}, t.statusTitle), collections.map(c => h("dl", { class: "facts" },
      [[t.collection, c.name], [t.state, c.error ?? null], [t.count, number(c.documents)], [t.unread, c.failed ? number(c.failed) : null],
        [t.vectors, `${number(c.embedded)} / ${number(c.chunks)}`], [t.text, c.bytes < 1048576 ? `${(c.bytes / 1024).toFixed(0)} KB` : `${(c.bytes / 1048576).toFixed(1)} MB`], [t.model, c.model.split(":").slice(0, 2).join(" · ") || t.none],
        [t.languages, Object.entries(c.languages ?? {}).map(([k, v]) => `${k || "–"} ${number(v)}`).join(", ")]]
        .filter(([, value]) => value !== null).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))));
  } catch (error) {
    show(main, h("h1", {}, t.statusTitle), failed(error));
  }
}

const views = { ask: () => askView(main), search: searchView, documents: () => documentsView(main), status: statusView };

function route() {
  const name = location.hash.replace(/^#\//, "") in views ? location.hash.slice(2) : "ask";
  shut();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.classList.toggle("broad", name === "ask");
  views[name]();
}

window.addEventListener("hashchange", route);
route();
