// The way between the page's views, the choice of a collection, and the keys.

import { askView } from "./ask.js";
import { failed, h, show } from "./parts.js";
import { choose, chosen, session } from "./server.js";
import { language, t } from "./text.js";

const main = document.getElementById("main");

document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
for (const element of document.querySelectorAll("[data-text]")) element.textContent = t[element.dataset.text];
for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t[element.dataset.label]);

const views = {
  ask: () => askView,
  search: async () => (await import("./search.js")).searchView,
  documents: async () => (await import("./documents.js")).documentsView,
  status: async () => (await import("./status.js")).statusView,
};

// leave ends what the view that is shown has under way.
let leave = null;
let turn = 0;

async function route() {
  const name = location.hash.slice(2) in views ? location.hash.slice(2) : "ask";
  const mine = ++turn;
  if (!document.getElementById("reader").hidden) (await import("./reader.js")).shut();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leave?.abort();
  leave = new AbortController();
  main.className = name;
  document.title = `${t[name]} · lore`;
  try {
    const view = views[name]();
    const draw = view instanceof Promise ? await view : view;
    if (mine === turn) await draw(main, leave.signal);
  } catch (error) {
    if (mine === turn && error.name !== "AbortError") show(main, failed(error));
  }
}

// collections fills the choice of a collection, which is there when there are
// several.
async function collections() {
  const { collections: list } = await session();
  const box = document.getElementById("collection");
  if (!list.some(c => c.name === chosen())) choose(list.find(c => c.default)?.name ?? list[0]?.name ?? "");
  show(box, list.map(c => h("option", { value: c.name, selected: c.name === chosen() }, c.name)));
  box.closest("label").hidden = list.length < 2;
  box.onchange = () => { choose(box.value); route(); };
}

function shortcuts() {
  const dialog = h("dialog", { class: "keys", "aria-labelledby": "keys-title", onclose: () => dialog.remove(), onclick: event => { if (event.target === dialog) dialog.close(); } },
    h("div", {}, h("h2", { id: "keys-title" }, t.keys),
      h("dl", {}, t.shortcuts.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map(k => h("kbd", {}, k))), h("dd", {}, what)))),
      h("button", { type: "button", onclick: () => dialog.close() }, t.close)));
  document.body.append(dialog);
  dialog.showModal();
}

document.getElementById("help").addEventListener("click", shortcuts);

let before = "";
document.addEventListener("keydown", async event => {
  const reader = document.getElementById("reader");
  if (event.key === "Escape" && !reader.hidden && !document.querySelector("dialog[open]")) return (await import("./reader.js")).shut();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.target.closest("input, textarea, select, dialog")) return;
  const key = before === "g" ? "g" + event.key : event.key;
  before = before === "g" ? "" : event.key;
  const act = {
    "?": shortcuts,
    "/": () => document.getElementById("question")?.focus(),
    n: () => document.querySelector(".fresh")?.click(),
    ga: () => { location.hash = "#/ask"; }, gs: () => { location.hash = "#/search"; }, gd: () => { location.hash = "#/documents"; }, gt: () => { location.hash = "#/status"; },
    "[": () => walk(-1), "]": () => walk(1),
    "+": () => reader.querySelector("[data-zoom='1']")?.click(), "=": () => reader.querySelector("[data-zoom='1']")?.click(), "-": () => reader.querySelector("[data-zoom='-1']")?.click(),
  }[key];
  if (!act) return;
  event.preventDefault();
  act();
});

// walk opens the source before or after the one that is open.
function walk(step) {
  const list = [...document.querySelectorAll("main .source, main .where")].filter(e => e.offsetParent !== null || document.querySelector(".frame.open"));
  if (!list.length) return;
  const at = list.findIndex(e => e.hasAttribute("aria-current"));
  list[at < 0 ? (step > 0 ? 0 : list.length - 1) : (at + step + list.length) % list.length].click();
}

window.addEventListener("hashchange", () => { route(); collections().catch(() => {}); });
// A page that is served for the first time is empty until here.
route();
collections().catch(() => {});
