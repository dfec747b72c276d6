// The ask view: answers, conversations beside them, ratings.

import { h, show } from "./dom.js";
import { failed, questionForm } from "./form.js";
import { open, place } from "./reader.js";
import { events, get, post, remove, session } from "./server.js";
import { language, t } from "./text.js";

let turns = []; // for follow-up questions where the server keeps no conversations
let conversation = "new";

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

// rating is a pair of buttons that tell the server what an answer was worth.
function rating(answer) {
  const box = h("span", { class: "rating", role: "group", "aria-label": t.rate });
  const rate = value => async () => {
    try {
      await post("/v1/feedback", { rating: value, question: answer.question.slice(0, 8000), answer: answer.answer.slice(0, 60000), status: answer.status,
        conversation: answer.conversation, citations: answer.citations.map(c => ({ document_id: c.document_id, start: c.start, end: c.end, quote: c.quote.slice(0, 2000) })) });
      show(box, t.thanks);
    } catch (error) {
      show(box, failed(error));
    }
  };
  box.append(h("button", { type: "button", class: "link", onclick: rate("good") }, t.good), " ", h("button", { type: "button", class: "link", onclick: rate("bad") }, t.bad));
  return box;
}

function settled(box, answer, may) {
  const copy = h("button", { type: "button", class: "link", onclick: async () => {
    await navigator.clipboard.writeText(markdown(answer));
    copy.textContent = t.copied;
  } }, t.copy);
  const nearest = answer.status === "not_found" ? answer.passages.slice(0, 3) : [];
  show(box,
    answer.standalone ? h("p", { class: "hint" }, t.asked + answer.standalone) : null,
    answer.note ? h("p", { class: "note" }, answer.note) : null,
    answer.degraded.map(d => h("p", { class: "hint" }, t.degraded(d.reason))),
    h("div", { class: "answer", dir: "auto" }, withMarkers(answer.answer, answer.citations)),
    answer.missing && answer.missing !== answer.answer ? h("p", { class: "hint" }, answer.missing) : null,
    answer.citations.length ? h("ul", { class: "sources" }, answer.citations.map(c => h("li", {}, h("button", { class: "source", type: "button", onclick: () => open(c) },
      h("b", {}, `[${c.marker}]`), h("span", { class: "place" }, place(c)), h("q", { dir: "auto" }, c.quote))))) : null,
    nearest.length ? h("div", {}, h("h2", {}, t.nearest), h("ul", { class: "sources" }, nearest.map(p => h("li", {}, h("button", { class: "source", type: "button", onclick: () => open(p) },
      h("b", {}, String(p.rank)), h("span", { class: "place" }, place(p)), h("span", {}, p.text.slice(0, 180) + (p.text.length > 180 ? " …" : ""))))))) : null,
    h("div", { class: "extra" }, h("span", { class: "badge " + answer.status }, t[answer.status]),
      answer.removed.length ? h("details", {}, h("summary", {}, t.removed(answer.removed.length)),
        h("ul", {}, answer.removed.map(r => h("li", {}, `${r.text} — ${t[r.reason] ?? r.reason}`)))) : null, copy, may.conversations ? rating(answer) : null));
}

async function answerTo(question, into, form, may) {
  const box = h("div", { "aria-live": "polite", "aria-busy": "true" }, h("p", { class: "hint" }, t.thinking));
  into.append(h("section", { class: "turn" }, h("h2", { class: "asked", dir: "auto" }, question), box));
  box.parentElement.scrollIntoView({ block: "start" });
  const stop = new AbortController();
  form.submit.textContent = t.stop;
  const onStop = event => { event.preventDefault(); stop.abort(); };
  form.submit.addEventListener("click", onStop);
  let draft = "";
  try {
    const body = may.conversations ? { question, conversation } : { question, history: turns };
    await events("/v1/ask", body, stop.signal, (event, data) => {
      if (event === "conversation") conversation = data.id;
      if (event === "delta") draft += data.text;
      if (event === "restart") draft = "";
      if (event === "delta" || event === "restart") show(box, h("p", { class: "hint" }, t.writing), h("div", { class: "answer pending", dir: "auto" }, draft));
      if (event === "error") show(box, failed(new Error(data.error.message)));
      if (event === "answer") {
        settled(box, data, may);
        turns = [...turns.slice(-9), { question: data.standalone || data.question, answer: data.answer }];
      }
    });
  } catch (error) {
    show(box, error.name === "AbortError" ? h("p", { class: "hint" }, t.stopped) : failed(error));
  }
  box.setAttribute("aria-busy", "false");
  form.submit.removeEventListener("click", onStop);
  form.submit.textContent = t.send;
}

// earlier shows a turn that was kept.
function earlier(turn) {
  const sources = (turn.sources ?? []).map(s => ({ ...s, citation: true }));
  return h("section", { class: "turn" }, h("h2", { class: "asked", dir: "auto" }, turn.question),
    h("div", { class: "answer", dir: "auto" }, withMarkers(turn.answer, sources)),
    sources.length ? h("ul", { class: "sources" }, sources.map(c => h("li", {}, h("button", { class: "source", type: "button", onclick: () => open(c) },
      h("b", {}, `[${c.marker}]`), h("span", { class: "place" }, place(c)), h("q", { dir: "auto" }, c.quote))))) : null,
    h("div", { class: "extra" }, h("span", { class: "badge " + turn.status }, t[turn.status])));
}

// sideBar lists conversations; the returned function fills it anew.
function sideBar(talk, begin) {
  const list = h("ul");
  const bar = h("details", { class: "talks", open: matchMedia("(min-width: 70rem)").matches },
    h("summary", {}, t.conversations), h("button", { type: "button", class: "fresh", onclick: begin }, t.fresh), list);
  const fill = async () => {
    const { conversations } = await get("/v1/conversations");
    show(list, conversations.slice(0, 50).map(c => h("li", {},
      h("button", { type: "button", class: "talk", dir: "auto", "aria-current": c.id === conversation ? "true" : null, title: new Date(c.updated).toLocaleString(language), onclick: async () => {
        const whole = await get("/v1/conversations/" + encodeURIComponent(c.id));
        conversation = c.id;
        show(talk, whole.turns.map(earlier));
        await fill();
      } }, c.title),
      h("button", { type: "button", class: "link quiet", "aria-label": `${t.remove} ${c.title}`, onclick: async () => {
        await remove("/v1/conversations/" + encodeURIComponent(c.id));
        if (conversation === c.id) begin();
        await fill();
      } }, "×"))));
  };
  return { bar, fill };
}

export async function askView(main) {
  turns = [];
  conversation = "new";
  const talk = h("div");
  let may = { conversations: false };
  let side = null;
  const form = questionForm(t.askLabel, t.askPlace, t.send, async question => {
    await answerTo(question, talk, form, may);
    await side?.fill().catch(() => {});
  });
  const column = h("div", { class: "column" }, h("h1", {}, t.askTitle), h("p", { class: "hint" }, t.askHint), form.form, talk);
  show(main, column);
  form.box.focus();
  try {
    may = await session();
    if (!may.conversations) return;
    side = sideBar(talk, () => { conversation = "new"; show(talk); form.box.focus(); side.fill(); });
    await side.fill();
    if (column.isConnected) show(main, h("div", { class: "ask" }, side.bar, column));
    form.box.focus();
    const { collections } = await get("/v1/collections");
    if (collections.length && collections.every(c => c.documents + c.failed === 0)) talk.append(h("p", { class: "note" }, t.empty, " ", h("a", { href: "#/documents" }, t.documents)));
  } catch (error) {
    if (column.isConnected) talk.append(failed(error) ?? "");
  }
}
