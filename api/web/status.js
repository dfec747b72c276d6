// The status view: what is there, how fast it answers, what it could not answer,
// and how good it was measured to be.

import { bar, drawn, failed, h, show } from "./parts.js";
import { get, remove, counts, session } from "./server.js";
import { bytes, language, number, t } from "./text.js";

const card = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), children);

function collectionCard(c) {
  if (c.error) return card(c.name, h("p", { class: "note" }, c.error));
  const facts = [[t.count, number(c.documents)], [t.unread, c.failed ? number(c.failed) : null], [t.chunks, number(c.chunks)], [t.text, bytes(c.bytes)],
    [t.model, c.model.split(":").slice(0, 2).join(" · ") || t.none], [t.languages, Object.entries(c.languages ?? {}).sort((a, b) => b[1] - a[1]).map(([k, v]) => `${k || "–"} ${number(v)}`).join(", ") || "–"]];
  return card(c.name, h("dl", { class: "facts" }, facts.filter(([, v]) => v !== null).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("div", { class: "measure" }, h("span", {}, t.vectors), bar(c.chunks ? c.embedded / c.chunks : 0, "dense"), h("span", { class: "figure" }, `${number(c.embedded)} / ${number(c.chunks)}`)));
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)];
const time = ms => ms < 10 ? ms.toFixed(1) + " ms" : ms < 1000 ? ms.toFixed(0) + " ms" : (ms / 1000).toFixed(1) + " s";

// plot draws requests as points over time, the duration on a logarithmic axis.
function plot(requests) {
  if (!requests.length) return h("p", { class: "hint" }, t.noRequests);
  const width = 720, height = 220, side = 58, foot = 24;
  const times = requests.map(r => new Date(r.at).getTime());
  const first = Math.min(...times), last = Math.max(Date.now(), ...times);
  const low = Math.floor(Math.log10(Math.max(0.1, Math.min(...requests.map(r => r.ms)))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...requests.map(r => r.ms), 1))));
  const x = at => side + (width - side - 10) * (last === first ? 1 : (at - first) / (last - first));
  const y = ms => 8 + (height - foot - 8) * (1 - (Math.log10(Math.max(ms, 0.1)) - low) / (high - low));
  const grid = [];
  for (let e = low; e <= high; e++) grid.push(drawn("line", { x1: side, x2: width - 10, y1: y(10 ** e), y2: y(10 ** e), class: "grid" }), drawn("text", { x: side - 8, y: y(10 ** e) + 4, "text-anchor": "end" }, time(10 ** e).replace(".0", "")));
  const points = requests.map((r, i) => drawn("circle", { cx: x(times[i]).toFixed(1), cy: y(r.ms).toFixed(1), r: "3", class: r.status >= 400 ? "point wrong" : "point " + r.kind }, drawn("title", {}, `${t[r.kind]} ${time(r.ms)}, ${new Date(r.at).toLocaleTimeString(language)}`)));
  const clock = at => new Date(at).toLocaleString(language, last - first > 72e6 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit" });
  const kinds = ["ask", "search"].map(kind => [kind, requests.filter(r => r.kind === kind && r.status < 400).map(r => r.ms).sort((a, b) => a - b)]).filter(([, list]) => list.length);
  const summary = kinds.map(([kind, list]) => `${t[kind]}: ${t.p50} ${time(percentile(list, 0.5))}, ${t.p95} ${time(percentile(list, 0.95))}`);
  return h("figure", { class: "plot" }, h("div", { class: "scroll" }, drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${t.latency}. ${summary.join("; ")}` }, grid, points,
    drawn("text", { x: side, y: height - 4 }, clock(first)), drawn("text", { x: width - 10, y: height - 4, "text-anchor": "end" }, t.now))),
  h("figcaption", {}, kinds.map(([kind, list], i) => h("span", { class: "key " + kind }, summary[i], h("span", { class: "hint" }, ` (${number(list.length)})`)))));
}

// evalCard draws the shares of a report, those of all questions first.
function evalCard(e) {
  const r = e.report;
  const types = Object.entries(r.by_type ?? {}).sort(([a], [b]) => (b === "all") - (a === "all") || a.localeCompare(b));
  const groups = types.length ? types : [["", r]];
  const rows = groups.map(([name, f]) => [name, Object.entries(t.evalNames).filter(([key]) => typeof f[key] === "number").map(([key, word]) => [word, f[key]])]).filter(([, list]) => list.length);
  if (!rows.length) return null;
  return h("div", { class: "eval" }, h("h3", {}, e.name, " ", h("time", { class: "hint", datetime: e.at }, new Date(e.at).toLocaleDateString(language))),
    h("div", { class: "eval-groups" }, rows.slice(0, 12).map(([name, list]) => h("div", {}, rows.length > 1 ? h("h4", {}, name) : null,
      h("dl", { class: "bars" }, list.map(([word, value]) => h("div", {}, h("dt", {}, word), h("dd", {}, bar(value, "dense"), h("span", { class: "figure" }, value.toFixed(3))))))))));
}

export async function statusView(main, left) {
  show(main, h("h1", {}, t.statusTitle), h("p", { class: "hint wait" }, t.thinking));
  const may = await session();
  const collections = await counts();
  const admin = may.scope === "admin";
  const [activity, lacking, measured] = admin ? await Promise.all([get("/v1/activity"), get("/v1/questions?limit=50"), get("/v1/evals")]) : [];
  if (left.aborted) return;
  const lackingCard = card(t.lacking);
  const fill = questions => show(lackingCard, h("h2", {}, t.lacking), h("p", { class: "hint" }, t.lackingHint),
    questions.length ? h("ol", { class: "lacking" }, questions.map(q => h("li", {}, h("span", { class: "what", dir: "auto" }, q.question), h("span", { class: "figure" }, t.times(number(q.count))), h("span", { class: "badge " + q.status }, t[q.status])))) : h("p", { class: "nothing" }, t.lackingNone),
    questions.length ? h("button", { type: "button", onclick: async () => {
      if (!confirm(t.sureForget)) return;
      try {
        await remove("/v1/questions");
        fill([]);
      } catch (error) {
        lackingCard.append(failed(error));
      }
    } }, t.forget) : null);
  if (admin) fill(lacking.questions);
  const answers = admin ? ["answered", "partial", "not_found"].map(s => [s, activity.answers[s] ?? 0]) : [];
  const all = answers.reduce((sum, [, n]) => sum + n, 0);
  const evals = admin ? measured.evals.map(evalCard).filter(Boolean) : [];
  show(main, h("h1", {}, t.statusTitle), h("div", { class: "cards" }, collections.map(collectionCard),
    admin ? card(t.answers, h("p", { class: "hint" }, t.since(new Date(activity.since).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" }))),
      answers.map(([s, n]) => h("div", { class: "measure" }, h("span", {}, t[s]), bar(all ? n / all : 0, s === "answered" ? "dense" : "warn"), h("span", { class: "figure" }, number(n))))) : null),
  admin ? [card(t.latency, plot(activity.requests)), lackingCard, card(t.evals, evals.length ? evals : null, h("p", { class: "hint" }, t.evalsHint, " ", h("code", {}, "lore eval --json … > DATA/evals/NAME.json")))] : null);
}
