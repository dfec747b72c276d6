// The ask view: answers, conversations beside them, ratings.

import { failed, h, icon, questionForm, show } from "./parts.js";
import { about, chosen, events, get, keep, patch, post, remove, session } from "./server.js";
import { language, number, place, spot, t } from "./text.js";

let turns = []; // for follow-up questions where the server keeps no conversations
let conversation = "new";

// open shows a document beside the answer; by is the source's button.
async function open(at, by) {
  const { open } = await import("./reader.js");
  await open(at, by);
}

const sourceOf = (element, marker) => element.closest(".turn")?.querySelector(`.source[data-marker="${marker}"]`);

// withMarkers turns [n] into buttons that open the quote.
function withMarkers(text, citations) {
  const byMarker = new Map(citations.map(c => [String(c.marker), c]));
  return text.split(/(\[\d+\])/).map(part => {
    const c = /^\[\d+\]$/.test(part) ? byMarker.get(part.slice(1, -1)) : null;
    if (!c) return part;
    const button = h("button", { class: "marker", type: "button", title: c.quote.slice(0, 300), "aria-label": `${part} ${place(c)}`, onclick: () => open(c, sourceOf(button, c.marker)) }, String(c.marker));
    return button;
  });
}

// markdown writes a turn with its sources, which are verbatim quotes.
export function markdown(turn) {
  const line = text => text.replace(/\s+/g, " ").trim();
  const sources = (turn.citations ?? turn.sources ?? []).map(c => `${c.marker}. ${line(place(c))}\n   > ${line(c.quote)}`);
  return `## ${line(turn.question)}\n\n${turn.answer}\n${sources.length ? `\n${t.sources}:\n\n${sources.join("\n")}\n` : ""}`;
}

function copyButton(turn) {
  const word = h("span", {}, t.copy);
  return h("button", { type: "button", class: "quiet copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(markdown(turn));
      word.textContent = t.copied;
    } catch {
      word.textContent = t.copyFailed;
    }
    setTimeout(() => { word.textContent = t.copy; }, 3000);
  } }, icon("copy"), word);
}

// rating is a pair of buttons that tell the server what an answer was worth.
function rating(answer) {
  const box = h("span", { class: "rating", role: "group", "aria-label": t.rate });
  const rate = value => async () => {
    try {
      await post("/v1/feedback", about({ rating: value, question: answer.question.slice(0, 8000), answer: answer.answer.slice(0, 60000), status: answer.status,
        conversation: answer.conversation, citations: (answer.citations ?? []).map(c => ({ document_id: c.document_id, start: c.start, end: c.end, quote: c.quote.slice(0, 2000) })) }));
      show(box, h("span", { role: "status" }, t.thanks));
    } catch (error) {
      show(box, failed(error));
    }
  };
  const button = name => h("button", { type: "button", class: "quiet", title: t[name], "aria-label": t[name], onclick: rate(name) }, icon(name));
  box.append(button("good"), button("bad"));
  return box;
}

function sources(list) {
  if (!list.length) return null;
  return h("ol", { class: "sources", "aria-label": t.sources }, list.map(c => {
    const button = h("button", { class: "source", type: "button", "data-marker": String(c.marker), onclick: () => open(c, button) },
      h("b", { "aria-hidden": "true" }, String(c.marker)), h("span", { class: "place", dir: "auto" }, h("span", { class: "document" }, c.title || c.document), " ", h("span", {}, [...(c.section ?? []).slice(c.title && c.section?.[0] === c.title ? 1 : 0), spot(c)].filter(Boolean).join(" · "))),
      h("q", { dir: "auto" }, c.quote.length > 400 ? c.quote.slice(0, 400) + " …" : c.quote));
    return h("li", {}, button);
  }));
}

// settled shows an answer that is whole.
function settled(box, answer, may) {
  const nearest = answer.status === "not_found" ? answer.passages.slice(0, 3) : [];
  show(box, h("div", { class: "said" },
    answer.standalone ? h("p", { class: "hint" }, t.asked, h("q", { dir: "auto" }, answer.standalone)) : null,
    answer.note ? h("p", { class: "note" }, answer.note) : null,
    h("div", { class: "answer", dir: "auto" }, withMarkers(answer.answer, answer.citations)),
    answer.missing && answer.missing !== answer.answer ? h("p", { class: "hint", dir: "auto" }, answer.missing) : null),
    sources(answer.citations),
    h("div", { class: "after" },
    nearest.length ? h("details", { class: "nearest" }, h("summary", {}, t.nearest), h("ol", { class: "sources" }, nearest.map(p => {
      const button = h("button", { class: "source", type: "button", onclick: () => open(p, button) },
        h("b", { "aria-hidden": "true" }, String(p.rank)), h("span", { class: "place", dir: "auto" }, place(p)), h("span", { dir: "auto" }, p.text.slice(0, 180) + (p.text.length > 180 ? " …" : "")));
      return h("li", {}, button);
    }))) : null,
    answer.removed.length ? h("details", { class: "removed" }, h("summary", {}, t.removed(answer.removed.length)),
      h("ul", {}, answer.removed.map(r => h("li", {}, h("s", { dir: "auto" }, r.text), h("span", { class: "reason" }, [t[r.reason] ?? r.reason, r.detail].filter(Boolean).join(": ")))))) : null,
    h("div", { class: "extra" }, h("span", { class: "badge " + answer.status }, t[answer.status]), copyButton(answer), may.conversations ? rating(answer) : null,
      answer.degraded.map(d => h("span", { class: "degraded" }, t.degraded(d.reason))))));
}

// draft shows text as it comes: a statement is pending until every quote that it
// names has been checked.
function draft(text, cited) {
  return text.split(/(?<=\[\d+\])(?!\s*\[\d+\])/).map(part => {
    const markers = part.match(/\[\d+\]/g) ?? [];
    const sure = markers.length > 0 && markers.every(m => cited.has(m.slice(1, -1)));
    return h("span", { class: sure ? "sure" : "pending" }, sure ? withMarkers(part, [...cited.values()]) : part);
  });
}

async function answerTo(question, into, form, may, left) {
  const box = h("div", { class: "reply", "aria-live": "polite", "aria-busy": "true" }, h("p", { class: "hint wait" }, t.thinking));
  const section = h("section", { class: "turn" }, h("h2", { class: "asked", dir: "auto" }, question), box);
  into.append(section);
  section.scrollIntoView({ block: "start" });
  const stop = new AbortController();
  left.addEventListener("abort", () => stop.abort());
  const onStop = event => { event.preventDefault(); stop.abort(); };
  form.submit.textContent = t.stop;
  form.form.classList.add("busy");
  form.submit.addEventListener("click", onStop);
  let text = "";
  const cited = new Map();
  try {
    const body = about(may.conversations ? { question, conversation } : { question, history: turns });
    let ended = false;
    await events("/v1/ask", body, stop.signal, (event, data) => {
      if (event === "conversation") conversation = data.id;
      if (event === "delta") text += data.text;
      if (event === "restart") { text = ""; cited.clear(); }
      if (event === "citation") cited.set(String(data.marker), data);
      if (["delta", "restart", "citation"].includes(event)) show(box, h("div", { class: "said" }, h("p", { class: "hint wait" }, t.writing), h("div", { class: "answer draft", dir: "auto" }, draft(text, cited))), sources([...cited.values()]));
      if (event === "error") { ended = true; show(box, failed(new Error(data.error.message))); }
      if (event === "answer") {
        ended = true;
        settled(box, data, may);
        turns = [...turns.slice(-9), { question: data.standalone || data.question, answer: data.answer }];
      }
    });
    if (!ended) show(box, failed(new Error(t.offline)));
  } catch (error) {
    show(box, error.name === "AbortError" ? h("p", { class: "hint" }, t.stopped) : failed(error));
  }
  box.setAttribute("aria-busy", "false");
  form.submit.removeEventListener("click", onStop);
  form.form.classList.remove("busy");
  form.submit.textContent = t.send;
}

// earlier shows a turn that was kept.
function earlier(turn) {
  const quotes = (turn.sources ?? []).map(s => ({ ...s, citation: true }));
  return h("section", { class: "turn" }, h("h2", { class: "asked", dir: "auto" }, turn.question),
    h("div", { class: "reply" }, h("div", { class: "said" }, h("div", { class: "answer", dir: "auto" }, withMarkers(turn.answer, quotes))), sources(quotes),
      h("div", { class: "after" }, h("div", { class: "extra" }, h("span", { class: "badge " + turn.status }, t[turn.status]), copyButton(turn)))));
}

// eraOf says how long ago a time was, in steps.
function eraOf(time) {
  const day = at => new Date(at.getFullYear(), at.getMonth(), at.getDate());
  const days = Math.round((day(new Date()) - day(new Date(time))) / 86400000);
  return days < 1 ? t.today : days < 2 ? t.yesterday : days < 8 ? t.thisWeek : t.olderTalks;
}

// sideBar lists conversations; fill lists them anew.
function sideBar(showTurns, begin) {
  const list = h("ul");
  const fresh = h("button", { type: "button", class: "fresh", onclick: begin }, icon("plus"), t.fresh);
  const bar = h("details", { class: "talks", open: matchMedia("(min-width: 70rem)").matches }, h("summary", {}, t.conversations), fresh, list);
  const one = async id => get("/v1/conversations/" + encodeURIComponent(id));
  const fill = async () => {
    const { conversations } = await get("/v1/conversations");
    const shown = conversations.slice(0, 100);
    let last = "";
    show(list, shown.flatMap(c => { const era = eraOf(c.updated); const head = era === last ? null : h("li", { class: "era" }, era); last = era; return [head, item(c)]; }));
    bar.classList.toggle("none", shown.length === 0);
  };
  const item = c => {
    const line = h("li", { class: c.id === conversation ? "current" : null },
      h("button", { type: "button", class: "talk", dir: "auto", "data-id": c.id, "aria-current": c.id === conversation ? "true" : null, title: new Date(c.updated).toLocaleString(language), onclick: async () => {
        const whole = await one(c.id);
        conversation = c.id;
        showTurns(whole.turns);
        if (!matchMedia("(min-width: 70rem)").matches) bar.open = false;
        await fill();
      } }, c.title),
      h("span", { class: "talk-tools" },
      h("button", { type: "button", class: "quiet tool", title: t.rename, "aria-label": `${t.rename}: ${c.title}`, onclick: () => rename(c, line) }, icon("pen")),
      h("button", { type: "button", class: "quiet tool", title: t.export, "aria-label": `${t.export}: ${c.title}`, onclick: async () => {
        const whole = await one(c.id);
        keep(new Blob([`# ${whole.title}\n\n${whole.turns.map(markdown).join("\n")}`], { type: "text/markdown" }), whole.title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) + ".md");
      } }, icon("save")),
      h("button", { type: "button", class: "quiet tool", title: t.remove, "aria-label": `${t.remove}: ${c.title}`, onclick: async () => {
        if (!confirm(t.sureTalk(c.title))) return;
        await remove("/v1/conversations/" + encodeURIComponent(c.id));
        if (conversation === c.id) begin();
        else await fill();
      } }, icon("remove"))));
    return line;
  };
  // rename puts a box in a conversation's place; Enter or leaving it keeps the
  // name, Escape the one before.
  const rename = (c, line) => {
    let over = false;
    const end = async keeps => {
      if (over) return;
      over = true;
      const title = box.value.trim();
      if (keeps && title && title !== c.title) await patch("/v1/conversations/" + encodeURIComponent(c.id), { title }).catch(error => bar.append(failed(error) ?? ""));
      await fill();
      list.querySelector(`[data-id="${c.id}"]`)?.focus();
    };
    const box = h("input", { class: "renaming", "aria-label": t.newName, value: c.title, maxlength: "60", dir: "auto", onblur: () => end(true),
      onkeydown: event => { if (event.isComposing) return; if (event.key === "Enter") end(true); if (event.key === "Escape") { event.stopPropagation(); end(false); } } });
    show(line, box);
    box.select();
  };
  return { bar, fill };
}

export async function askView(main, left) {
  turns = [];
  conversation = "new";
  const talk = h("div", { class: "talk-turns" });
  let may = { conversations: false };
  let side = null;
  const form = questionForm(t.askLabel, t.askPlace, t.send, async question => {
    begun(true);
    await answerTo(question, talk, form, may, left);
    form.box.focus({ preventScroll: true });
    await side?.fill().catch(() => {});
  });
  const head = h("div", { class: "welcome" }, h("h1", {}, t.askTitle), h("p", { class: "hint" }, t.askHint));
  const notes = h("div");
  const column = h("div", { class: "column" }, head, talk, h("div", { class: "composer" }, form.form), notes);
  const begun = yes => {
    column.classList.toggle("begun", yes);
    form.box.placeholder = yes ? t.further : t.askPlace;
    if (yes) show(notes);
  };
  const view = h("div", { class: "ask-view" }, column);
  show(main, view);
  form.box.focus();
  try {
    may = await session();
    if (left.aborted) return;
    if (may.collections.length && may.collections.every(c => c.documents + c.failed === 0 && !c.error)) show(notes, h("div", { class: "first" }, h("h2", {}, t.firstTitle), h("p", {}, t.firstAsk), h("a", { class: "button", href: "#/documents" }, t.toDocuments)));
    else {
      const here = may.collections.find(c => c.name === chosen()) ?? may.collections.find(c => c.default);
      if (here && !here.error) show(notes, h("p", { class: "over" }, h("a", { href: "#/documents" }, t.over(number(here.documents))), " · ", t.overPassages(number(here.chunks))));
    }
    if (!may.conversations) return;
    side = sideBar(turns => { show(talk, turns.map(earlier)); begun(true); talk.lastElementChild?.scrollIntoView({ block: "start" }); },
      () => { conversation = "new"; turns = []; show(talk); begun(false); form.box.focus(); side.fill().catch(() => {}); });
    await side.fill();
    if (left.aborted) return;
    view.prepend(side.bar);
    view.classList.add("beside");
  } catch (error) {
    if (!left.aborted) show(notes, failed(error));
  }
}
