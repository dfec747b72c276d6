// The search view: passages, why each ranks where it does, and where a document
// that is missed was lost.

import { bar, failed, h, questionForm, show } from "./parts.js";
import { about, get, post, within } from "./server.js";
import { structured } from "./structure.js";
import { spot, t } from "./text.js";

let last = ""; // what was searched for, across views

async function open(at, by) {
  (await import("./reader.js")).open(at, by);
}

// lit makes the words that a search matched stand out in an element.
function lit(element, terms) {
  const wanted = terms.map(x => x.term.toLowerCase()).filter(x => /\p{Script=Han}/u.test(x) || x.length > 2);
  if (!wanted.length) return element;
  const starts = wanted.map(w => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${starts.map(w => /\p{Script=Han}/u.test(w) ? w : `(?<![\\p{L}\\p{N}])${w}[\\p{L}\\p{N}]*`).join("|")})`, "giu");
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    const parts = node.data.split(pattern);
    if (parts.length > 1) node.replaceWith(...parts.map((part, i) => i % 2 ? h("mark", { class: "term" }, part) : part));
  }
  return element;
}

function passageItem(p, legs) {
  const terms = p.explain?.terms ?? [];
  const most = Math.max(...terms.map(x => x.score), 0) || 1;
  const text = p.text.length > 600 ? p.text.slice(0, 600).replace(/[^\s|]*$/, "") + "…" : p.text;
  const where = h("button", { class: "where", type: "button", onclick: () => open(p, where) }, h("b", { "aria-hidden": "true" }, String(p.rank)), h("span", { dir: "auto" }, p.title || p.document));
  return h("li", { class: "passage" }, where,
    h("p", { class: "place hint", dir: "auto" }, [p.document, ...(p.section ?? []).filter(s => s !== p.title), spot(p)].filter(Boolean).join(" › ")),
    h("div", { class: "excerpt", dir: "auto" }, lit(structured({ text, type: "text/markdown", language: p.language }, 0, 0, true).element, terms.filter(x => x.score >= most / 5))),
    h("details", { class: "explain" }, h("summary", {}, h("span", {}, t.why),
      h("span", { class: "legs" }, ["sparse", "dense"].filter(leg => legs.has(leg)).map(leg => h("span", { class: "leg" }, h("span", {}, t[leg]), bar(p.legs[leg]?.normalised ?? 0, leg), h("span", { class: "figure" }, p.legs[leg] ? t.rank(p.legs[leg].rank) : "–"))))),
      terms.length ? h("dl", { class: "terms" }, terms.slice(0, 10).map(x => h("div", {}, h("dt", {}, x.term), h("dd", {}, bar(x.score / most, "sparse"), h("span", { class: "figure" }, x.score.toFixed(2)))))) : null,
      h("p", { class: "hint" }, `${t.score} ${p.score.toFixed(4)}`, (p.explain?.notes ?? []).map(n => ` · ${n}`))));
}

// searchFilters are fields for the conditions of a search; value returns the
// filter, or nothing.
function searchFilters(changed) {
  const field = (label, properties) => {
    const input = h("input", { ...properties, onchange: changed });
    return { input, box: h("label", {}, h("span", {}, label), input) };
  };
  const select = (label, options) => {
    const input = h("select", { onchange: changed }, options.map(([value, text]) => h("option", { value }, text)));
    return { input, box: h("label", {}, h("span", {}, label), input) };
  };
  const path = field(t.path, { placeholder: "policies/, **/*.pdf" });
  const type = select(t.type, [["", t.any], ["application/pdf", "PDF"], ["text/markdown", "Markdown"], ["text/html", "HTML"], ["text/plain", t.text], ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word"], ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel"], ["application/vnd.openxmlformats-officedocument.presentationml.presentation", "PowerPoint"]]);
  const label = field(t.label, { placeholder: t.labelPlace });
  const lang = select(t.language, [["", t.any], ["en", "English"], ["zh", "中文"]]);
  const after = field(t.after, { type: "date" });
  const before = field(t.before, { type: "date" });
  const value = () => {
    const f = {};
    const paths = path.input.value.split(",").map(p => p.trim()).filter(Boolean);
    if (paths.length) f.paths = paths;
    if (type.input.value) f.types = [type.input.value];
    if (lang.input.value) f.languages = [lang.input.value];
    const labels = Object.fromEntries(label.input.value.split(",").map(x => x.split("=").map(y => y.trim())).filter(x => x.length === 2 && x[0]));
    if (Object.keys(labels).length) f.labels = labels;
    if (after.input.value) f.after = after.input.value;
    if (before.input.value) f.before = before.input.value;
    return Object.keys(f).length ? f : undefined;
  };
  return { box: h("details", { class: "filters" }, h("summary", {}, t.filters), h("div", { class: "fields" }, [path, type, label, lang, after, before].map(f => f.box))), value };
}

// whyNot asks for a document that was expected, and says where it was lost.
function whyNot(query, filter) {
  const names = h("datalist", { id: "paths" });
  const input = h("input", { list: "paths", "aria-label": t.whyNotLabel, placeholder: "policies/…", autocomplete: "off" });
  const said = h("div", { "aria-live": "polite" });
  const box = h("details", { class: "why-not", ontoggle: async () => {
    if (!box.open || names.childElementCount) return;
    const { documents } = await get(within("/v1/documents?limit=1000")).catch(() => ({ documents: [] }));
    show(names, documents.map(d => h("option", { value: d.path }, d.title)));
  } }, h("summary", {}, t.whyNot), h("p", { class: "hint" }, t.whyNotHint),
  h("form", { class: "inline", onsubmit: async event => {
    event.preventDefault();
    if (!input.value.trim()) return input.focus();
    try {
      const why = await post("/v1/search/why-not", about({ query, document: input.value.trim(), limit: 10, filter: filter() }));
      show(said, h("p", { class: "verdict " + (why.lost ? "lost" : "there") }, why.lost === "" ? t.lost[""](why.rank) : t.lost[why.lost] ?? why.lost),
        h("ol", { class: "steps" }, why.steps.map(step => h("li", { lang: "en" }, step))));
    } catch (error) {
      show(said, failed(error));
    }
  } }, input, names, h("button", {}, t.whyNotDo)), said);
  return box;
}

export async function searchView(main, left) {
  const found = h("div", { class: "found", "aria-live": "polite" });
  const search = async query => {
    last = query;
    form.box.value = query;
    form.grow();
    found.setAttribute("aria-busy", "true");
    try {
      const result = await post("/v1/search", about({ query, limit: 10, explain: true, filter: filters.value() }), left);
      const legs = new Set(result.hits.flatMap(p => Object.keys(p.legs)));
      show(found, result.hits.length ? h("ol", { class: "passages" }, result.hits.map(p => passageItem(p, legs))) : h("p", { class: "nothing" }, t.nothing),
        result.degraded.map(d => h("p", { class: "hint degraded" }, t.degraded(d.reason))),
        whyNot(query, filters.value));
    } catch (error) {
      if (error.name !== "AbortError") show(found, failed(error));
    }
    found.setAttribute("aria-busy", "false");
  };
  const filters = searchFilters(() => { if (form.box.value.trim() || last) search(form.box.value.trim() || last); });
  const form = questionForm(t.searchLabel, t.searchPlace, t.find, search);
  show(main, h("h1", {}, t.searchTitle), form.form, filters.box, found);
  form.box.focus();
  if (last) await search(last);
}
