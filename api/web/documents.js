// The documents view: what is indexed, by folder; uploads; running jobs.

import { bar, failed, h, icon, show } from "./parts.js";
import { about, choose, chosen, counts, follow, forget, get, post, remove, save, session, upload, within } from "./server.js";
import { bytes, language, number, t } from "./text.js";

function remaining(ms) {
  if (!ms) return "";
  return ms < 90000 ? t.seconds(Math.max(1, Math.round(ms / 1000))) : t.minutes(Math.round(ms / 60000));
}

// progress shows a job until it ends, and then what it did.
async function progress(into, job, ended) {
  const meter = h("progress", { max: "1", "aria-label": t.indexing });
  const line = h("span", { class: "hint" });
  const current = h("span", { class: "current hint", dir: "auto" });
  const stop = h("button", { type: "button", class: "quiet", onclick: () => remove("/v1/jobs/" + job.id).catch(() => {}) }, t.stop);
  const box = h("div", { class: "job" }, meter, line, stop, current);
  into.append(box);
  const draw = now => {
    if (now.total) meter.value = now.done / now.total;
    line.textContent = [t[now.stage] ?? t[now.state], now.total ? t.of(number(now.done), number(now.total)) : "", remaining(now.remaining_ms)].filter(Boolean).join(" · ");
    current.textContent = now.current ?? "";
    job = now;
  };
  draw(job);
  try {
    await follow("/v1/jobs/" + job.id, draw);
  } catch (error) {
    return show(box, failed(error));
  }
  const r = job.report;
  const problems = [...(r?.failures ?? []).slice(0, 20).map(f => `${f.path}: ${f.error}`), ...(r?.warnings ?? []), ...(job.error ? [job.error.message] : [])];
  show(box, h("span", { class: "hint", role: "status" }, r && job.kind === "index" ? t.done(r) : job.state === "done" ? t.done_ : t[job.state]),
    problems.length ? h("ul", { class: "problems" }, problems.map(p => h("li", { dir: "auto" }, p))) : null);
  ended();
}

// dropped returns the files of a drop, those in folders too, with their paths.
async function dropped(transfer) {
  const out = [];
  const walk = async (entry, path) => {
    if (entry.name.startsWith(".")) return;
    if (entry.isFile) {
      out.push([path + entry.name, await new Promise((ok, no) => entry.file(ok, no))]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (!some.length) return;
      for (const inner of some) await walk(inner, path + entry.name + "/");
    }
  };
  const files = [...transfer.files].map(file => [file.name, file]);
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
  return out.length ? out : files;
}

async function openDocument(d, by) {
  (await import("./reader.js")).open({ document_id: d.id, document: d.path, title: d.title, start: 0, end: 0 }, by);
}

const folderOf = path => path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";

// collectionList chooses, makes and removes collections; there is none for who
// may do nothing of that.
function collectionList(may) {
  const own = may.writes && !may.limited;
  if (!own && may.collections.length < 2) return null;
  const again = name => { choose(name); forget(); window.dispatchEvent(new Event("hashchange")); };
  const said = h("div", { "aria-live": "polite" });
  const current = may.collections.find(c => c.name === chosen()) ?? may.collections.find(c => c.default);
  const name = h("input", { "aria-label": t.collectionName, placeholder: t.newCollection, maxlength: "64", pattern: "[A-Za-z0-9_\\-]+", title: t.badName, required: true, autocomplete: "off", spellcheck: "false" });
  return h("section", { class: "collections" }, h("h2", {}, t.collections), h("p", { class: "hint" }, t.collectionHint),
    h("ul", { class: "sets" }, may.collections.map(c => h("li", {}, icon("folder"),
      h("div", { class: "about" }, h("span", { class: "name" }, c.name), c.error ? h("span", { class: "reason" }, c.error) : h("span", { class: "title" }, t.howMany(number(c.documents)))),
      h("div", { class: "facts-line" }, c === current ? h("span", { class: "badge" }, t.inUse) : h("button", { type: "button", class: "quiet", "aria-label": `${t.use}: ${c.name}`, onclick: () => again(c.name) }, t.use)),
      h("div", { class: "actions" }, own && may.scope === "admin" && !c.default ? h("button", { type: "button", class: "quiet tool", title: t.remove, "aria-label": `${t.remove}: ${c.name}`, onclick: async () => {
        if (!confirm(t.sureCollection(c.name))) return;
        try {
          await remove("/v1/collections/" + encodeURIComponent(c.name));
          again(c === current ? "" : chosen());
        } catch (error) {
          show(said, failed(error));
        }
      } }, icon("remove")) : null)))),
    own ? h("form", { class: "inline", onsubmit: async event => {
      event.preventDefault();
      try {
        again((await post("/v1/collections", { name: name.value.trim() })).name);
      } catch (error) {
        show(said, failed(error));
      }
    } }, name, h("button", {}, t.make)) : null, said);
}

export async function documentsView(main, left) {
  const title = h("h1", {}, t.documentsTitle);
  show(main, title, h("p", { class: "hint wait" }, t.thinking));
  const may = await session();
  if (left.aborted) return;
  const list = h("div", { class: "folders" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(false) }, t.more);
  const jobs = h("div", { class: "jobs", "aria-live": "polite" });
  const said = h("p", { class: "hint", role: "status" });
  let have = [];
  let only = "";

  const row = d => {
    const name = h("button", { class: "where name", type: "button", dir: "auto", onclick: () => openDocument(d, name) }, d.path.split("/").pop());
    const act = (label, picture, run) => h("button", { type: "button", class: "quiet tool", title: label, "aria-label": `${label}: ${d.path}`, onclick: () => run().catch(e => jobs.append(failed(e) ?? "")) }, icon(picture));
    const line = h("li", { class: d.status },
      icon("file"),
      h("div", { class: "about" }, d.status === "failed" ? h("span", { class: "name", dir: "auto" }, d.path.split("/").pop()) : name,
        d.title && d.status !== "failed" ? h("span", { class: "title", dir: "auto" }, d.title) : null,
        d.error ? h("span", { class: "reason", dir: "auto" }, d.error) : null),
      h("div", { class: "facts-line" }, d.status === "ok" ? null : h("span", { class: "badge " + d.status }, t[d.status]),
        d.chunks ? h("span", { title: t.chunks }, number(d.chunks) + " ¶") : null,
        d.embedded < d.chunks ? h("span", { class: "vectors", title: `${t.vectors}: ${t.of(d.embedded, d.chunks)}` }, bar(d.embedded / d.chunks, "dense")) : null,
        h("span", {}, bytes(d.size)), d.indexed_at ? h("time", { datetime: d.indexed_at, class: "wide" }, new Date(d.indexed_at).toLocaleDateString(language)) : null),
      h("div", { class: "actions" }, act(t.original, "save", () => save(within(`/v1/documents/${encodeURIComponent(d.id)}/content`), d.path.split("/").pop())),
        may.writes ? act(t.remove, "remove", async () => {
          if (!confirm(t.sure(d.path))) return;
          await remove(within(`/v1/documents/${encodeURIComponent(d.id)}`));
          have = have.filter(x => x.id !== d.id);
          draw(!more.hidden);
        }) : null));
    return line;
  };

  const draw = hasMore => {
    more.hidden = !hasMore;
    const groups = new Map();
    for (const d of have) groups.set(folderOf(d.path), [...(groups.get(folderOf(d.path)) ?? []), d]);
    const shut = new Set([...list.querySelectorAll("details:not([open])")].map(d => d.dataset.folder));
    show(list, [...groups].map(([folder, files]) => h("details", { open: !shut.has(folder), "data-folder": folder, class: "folder" },
      h("summary", {}, icon("folder"), h("span", { class: "path", dir: "auto" }, folder || t.topFolder), h("span", { class: "hint" }, number(files.length)),
        files.some(d => d.status === "failed") ? h("span", { class: "badge failed" }, `${number(files.filter(d => d.status === "failed").length)} ${t.failed}`) : null),
      h("ul", { class: "files" }, files.map(row)))));
    const nothing = have.length === 0 && !only && !wanted.value.trim();
    said.textContent = nothing ? "" : have.length ? t.howMany(number(have.length), hasMore) : t.nothingHere;
    first.hidden = !nothing;
    tools.hidden = nothing;
  };

  const load = async fresh => {
    const parts = [`limit=500&offset=${fresh ? 0 : have.length}`];
    if (only) parts.push("status=" + only);
    const path = wanted.value.trim();
    if (path) parts.push("path=" + encodeURIComponent(/[*?[]/.test(path) || path.endsWith("/") ? path : `**/*${path}*`), "path=" + encodeURIComponent(path));
    const page = await get(within("/v1/documents?" + parts.join("&")));
    have = fresh ? page.documents : [...have, ...page.documents];
    draw(page.more);
  };
  const loaded = () => load(true).catch(e => jobs.append(failed(e) ?? ""));

  const run = async (make, word) => {
    const wait = h("p", { class: "hint wait" }, word ?? t.queued);
    jobs.append(wait);
    try {
      const job = await make();
      wait.remove();
      await progress(jobs, job, () => { loaded(); counts().catch(() => {}); });
    } catch (error) {
      wait.remove();
      jobs.append(failed(error) ?? "");
    }
  };
  const send = files => files.length ? run(async () => (await upload(files)).job, t.uploading(files.length)) : null;
  const chosenFiles = h("input", { type: "file", multiple: true, id: "files", class: "hidden", onchange: () => { send([...chosenFiles.files].map(f => [f.name, f])); chosenFiles.value = ""; } });
  const drop = h("label", { class: "drop", for: "files" }, icon("plus"), h("span", {}, t.drop), chosenFiles);
  // The whole view takes what is dropped, so that nothing replaces the page.
  main.ondragover = event => { event.preventDefault(); drop.classList.add("over"); };
  main.ondragleave = event => { if (!main.contains(event.relatedTarget)) drop.classList.remove("over"); };
  main.ondrop = async event => { event.preventDefault(); drop.classList.remove("over"); if (may.writes) send(await dropped(event.dataTransfer)); };
  left.addEventListener("abort", () => { main.ondragover = main.ondragleave = main.ondrop = null; });

  let typed = 0;
  const wanted = h("input", { type: "search", "aria-label": t.filterPath, placeholder: t.filterPath, oninput: () => { clearTimeout(typed); typed = setTimeout(loaded, 200); } });
  const choice = (value, word) => h("button", { type: "button", "aria-pressed": String(only === value), onclick: event => {
    only = value;
    for (const b of event.target.parentElement.children) b.setAttribute("aria-pressed", String(b === event.target));
    loaded();
  } }, word);
  const tools = h("div", { class: "tools" }, wanted, h("span", { class: "switch", role: "group", "aria-label": t.state }, choice("", t.all), choice("failed", t.failures)),
    may.writes ? h("button", { type: "button", onclick: () => run(() => post("/v1/index", about({}))) }, t.refresh) : null);
  const first = h("div", { class: "first", hidden: true }, h("h2", {}, t.firstTitle), may.writes ? h("p", {}, t.first) : null,
    h("p", {}, t.firstFolder, " ", h("code", {}, "lore index ~/Documents")), h("p", { class: "hint" }, t.firstThen));
  await load(true);
  if (left.aborted) return;
  show(main, title, may.writes ? drop : null, jobs, first, tools, said, list, h("p", {}, more), collectionList(may));
  if (!may.writes) return;
  const { jobs: all } = await get("/v1/jobs").catch(() => ({ jobs: [] }));
  for (const job of all.filter(j => j.state === "running" || j.state === "queued").reverse()) progress(jobs, job, loaded);
}
