// The documents view: what is indexed, uploads, running jobs.

import { h, show } from "./dom.js";
import { failed } from "./form.js";
import { open } from "./reader.js";
import { follow, get, post, remove, save, session, upload } from "./server.js";
import { t } from "./text.js";

function remaining(ms) {
  if (!ms) return "";
  return ms < 90000 ? t.seconds(Math.max(1, Math.round(ms / 1000))) : t.minutes(Math.round(ms / 60000));
}

// progress shows a job until it ends, and then what it did.
async function progress(into, job, ended) {
  const bar = h("progress", { max: "1", "aria-label": t.indexing });
  const line = h("span", { class: "hint" });
  const stop = h("button", { type: "button", class: "link", onclick: () => remove("/v1/jobs/" + job.id) }, t.stop);
  const box = h("div", { class: "job" }, bar, line, stop);
  into.append(box);
  const draw = now => {
    if (now.total) bar.value = now.done / now.total;
    line.textContent = [t[now.stage] ?? t[now.state], now.total ? `${now.done} / ${now.total}` : "", remaining(now.remaining_ms)].filter(Boolean).join(" · ");
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
  show(box, h("span", { class: "hint" }, r && job.kind === "index" ? t.done(r) : job.state === "done" ? t.done_ : t[job.state]),
    problems.length ? h("ul", { class: "problems" }, problems.map(p => h("li", {}, p))) : null);
  ended();
}

// dropped returns the files of a drop, those in folders too, with their paths.
async function dropped(transfer) {
  const out = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((ok, no) => entry.file(ok, no));
      if (!entry.name.startsWith(".")) out.push([path + entry.name, file]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (!some.length) return;
      for (const inner of some) await walk(inner, path + entry.name + "/");
    }
  };
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
  return out.length ? out : [...transfer.files].map(file => [file.name, file]);
}

export async function documentsView(main) {
  const title = h("h1", {}, t.documentsTitle);
  show(main, title, h("p", { class: "hint" }, t.thinking));
  const rows = h("tbody");
  const more = h("button", { type: "button", hidden: true }, t.more);
  const jobs = h("div", { "aria-live": "polite" });
  const empty = h("div", { hidden: true }, h("p", {}, t.empty), h("p", {}, h("code", {}, "lore index ~/Documents/…")));
  const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.path), h("th", { scope: "col", class: "wide" }, t.title),
    h("th", { scope: "col", class: "number" }, t.chunks), h("th", { scope: "col" }, t.state), h("th", { scope: "col" }, h("span", { class: "hidden" }, t.actions)))), rows);
  let offset = 0;
  let may;
  const row = d => {
    const line = h("tr", {},
      h("td", {}, d.status === "failed" ? d.path : h("button", { class: "link", type: "button", onclick: () => open({ document_id: d.id, document: d.path, start: 0, end: 0 }) }, d.path)),
      h("td", { class: "wide", dir: "auto" }, d.title), h("td", { class: "number" }, String(d.chunks)),
      h("td", {}, h("span", { class: "badge " + d.status, title: d.error }, t[d.status]), d.error ? h("div", { class: "hint" }, d.error) : null),
      h("td", { class: "actions" },
        h("button", { type: "button", class: "link", "aria-label": `${t.original} ${d.path}`, onclick: () => save(`/v1/documents/${encodeURIComponent(d.id)}/content`, d.path.split("/").pop()).catch(e => show(jobs, failed(e))) }, t.original),
        may.writes ? h("button", { type: "button", class: "link", "aria-label": `${t.remove} ${d.path}`, onclick: async () => {
          if (!confirm(t.sure(d.path))) return;
          try {
            await remove(`/v1/documents/${encodeURIComponent(d.id)}`);
            line.remove();
          } catch (error) {
            show(jobs, failed(error));
          }
        } }, t.remove) : null));
    return line;
  };
  const load = async fresh => {
    if (fresh) offset = 0;
    const page = await get(`/v1/documents?limit=200&offset=${offset}`);
    offset += page.documents.length;
    if (fresh) rows.replaceChildren();
    rows.append(...page.documents.map(row));
    more.hidden = !page.more;
    empty.hidden = offset > 0;
    table.hidden = offset === 0;
  };
  more.addEventListener("click", () => load(false));
  const run = async (make) => {
    try {
      const job = await make();
      await progress(jobs, job, () => load(true));
    } catch (error) {
      jobs.append(failed(error) ?? "");
    }
  };
  const send = files => files.length ? run(async () => (await upload(files)).job) : null;
  const chosen = h("input", { type: "file", multiple: true, id: "files", class: "hidden", onchange: () => { send([...chosen.files].map(f => [f.name, f])); chosen.value = ""; } });
  const drop = h("label", { class: "drop", for: "files",
    ondragover: event => { event.preventDefault(); drop.classList.add("over"); }, ondragleave: () => drop.classList.remove("over"),
    ondrop: async event => { event.preventDefault(); drop.classList.remove("over"); send(await dropped(event.dataTransfer)); } }, h("span", {}, t.drop), chosen);
  const refresh = h("button", { type: "button", onclick: () => run(() => post("/v1/index", {})) }, t.refresh);
  try {
    may = await session();
    await load(true);
  } catch (error) {
    return show(main, title, failed(error));
  }
  show(main, title, may.writes ? h("div", { class: "tools" }, drop, refresh) : null, jobs, empty, table, h("p", {}, more));
  if (!may.writes) return;
  const list = await get("/v1/jobs").catch(() => ({ jobs: [] }));
  for (const job of list.jobs.filter(j => j.state === "running" || j.state === "queued").reverse()) progress(jobs, job, () => load(true));
}
