// A PDF as it looks. Pages are drawn when they come near; the quote is looked for
// in the words that a page draws, with spaces, line breaks, hyphens and the
// forms of characters laid aside, since the text that was indexed differs in them.

import { h, icon, show } from "./parts.js";
import { credentials } from "./server.js";
import { t } from "./text.js";

const folder = new URL("./vendor/", import.meta.url).href;
let library = null;

// load fetches pdf.js when the first PDF is opened.
function load() {
  library ??= import("./vendor/pdf.min.mjs").then(pdf => {
    pdf.GlobalWorkerOptions.workerSrc = folder + "pdf.worker.min.mjs";
    return pdf;
  });
  library.catch(() => { library = null; });
  return library;
}

// fold returns what counts of a text, and where each unit of it stood.
export function fold(text) {
  let folded = "";
  const from = [];
  for (let i = 0; i < text.length;) {
    const unit = String.fromCodePoint(text.codePointAt(i));
    for (const c of unit.normalize("NFKC").toLowerCase()) {
      if (!/[\p{L}\p{N}]/u.test(c)) continue;
      for (let k = 0; k < c.length; k++) from.push(i);
      folded += c;
    }
    i += unit.length;
  }
  return { folded, from };
}

// ranges returns the parts of words that hold the quote: as a whole, or else line
// by line, of which a line needs some length to be told from others.
export function ranges(words, quote) {
  const wanted = fold(quote).folded;
  if (!wanted) return [];
  const at = words.indexOf(wanted);
  if (at >= 0) return [[at, at + wanted.length]];
  const out = [];
  for (const part of quote.split(/\n+|(?<=[.!?。！？；;])\s*/)) {
    const piece = fold(part).folded;
    const least = /\p{Script=Han}/u.test(piece) ? 5 : 12;
    if (piece.length < least) continue;
    const found = words.indexOf(piece);
    if (found >= 0) out.push([found, found + piece.length]);
  }
  // The beginning or the end of a quote that goes over a page's edge.
  for (let n = wanted.length - 1; !out.length && n >= Math.max(8, wanted.length / 4); n--) {
    if (words.endsWith(wanted.slice(0, n))) out.push([words.length - n, words.length]);
    else if (words.startsWith(wanted.slice(-n))) out.push([0, n]);
  }
  return out;
}

// marked puts <mark> around parts of the words that the elements draw.
function marked(elements, strings, quote) {
  let words = "";
  const owner = [];
  strings.forEach((s, i) => {
    const { folded, from } = fold(s);
    words += folded;
    for (const at of from) owner.push([i, at]);
  });
  const parts = new Map(); // by element: from and to
  for (const [a, b] of ranges(words, quote)) {
    for (let k = a; k < b; k++) {
      const [i, at] = owner[k];
      const have = parts.get(i);
      if (have && at <= have.at(-1)[1] + 2) have.at(-1)[1] = Math.max(have.at(-1)[1], at + 1);
      else parts.set(i, [...(have ?? []), [at, at + 1]]);
    }
  }
  let first = null;
  for (const [i, list] of parts) {
    const text = strings[i];
    const nodes = [];
    let done = 0;
    for (const [a, b] of list) {
      const mark = h("mark", {}, text.slice(a, b));
      first ??= mark;
      nodes.push(text.slice(done, a), mark);
      done = b;
    }
    nodes.push(text.slice(done));
    elements[i]?.replaceChildren(...nodes.filter(n => n !== ""));
  }
  return first;
}

// openPaper shows a PDF in a box, at a page with a quote marked; its controls go
// into another. The returned close ends it. A region, where one is known, is
// drawn as a box: left, top, right and bottom as shares of the page.
export async function openPaper(box, controls, url, { page = 1, quote = "", region = null }) {
  const pdf = await load();
  const task = pdf.getDocument({
    url: new URL(url, location.href).href, httpHeaders: credentials(), cMapUrl: folder + "cmaps/", cMapPacked: true, wasmUrl: folder,
    isEvalSupported: false, enableXfa: false, disableAutoFetch: true, disableStream: true, stopAtErrors: false, verbosity: 0, useSystemFonts: true,
  });
  const paper = await task.promise;
  const count = paper.numPages;
  page = Math.max(1, Math.min(count, page));
  let zoom = 1, now = page;
  const size = (await paper.getPage(page)).getViewport({ scale: 1 });
  const list = h("div", { class: "sheets" });
  show(box, list);
  const fit = () => Math.max(0.1, (list.clientWidth - 2) / size.width);
  const sheets = [];
  for (let n = 1; n <= count; n++) {
    const sheet = h("div", { class: "sheet", "data-page": String(n), role: "group", "aria-label": t.page(n) });
    sheets.push({ n, element: sheet, drawn: 0, task: null, first: null });
    list.append(sheet);
  }
  const laid = sheet => {
    const scale = fit() * zoom;
    sheet.element.style.width = `${Math.floor((sheet.width ?? size.width) * scale)}px`;
    sheet.element.style.height = `${Math.floor((sheet.height ?? size.height) * scale)}px`;
  };
  let closed = false;
  const draw = async sheet => {
    const scale = fit() * zoom;
    if (closed || sheet.drawn === scale) return sheet.ready;
    sheet.drawn = scale;
    sheet.task?.cancel();
    sheet.ready = (async () => {
      const one = await paper.getPage(sheet.n);
      const whole = one.getViewport({ scale: 1 });
      sheet.width = whole.width;
      sheet.height = whole.height;
      laid(sheet);
      const view = one.getViewport({ scale });
      const dense = Math.min(2, devicePixelRatio || 1, Math.sqrt(16e6 / Math.max(1, view.width * view.height)));
      const canvas = h("canvas", { width: String(Math.floor(view.width * dense)), height: String(Math.floor(view.height * dense)), "aria-hidden": "true" });
      const layer = h("div", { class: "textLayer", dir: "ltr" });
      layer.style.setProperty("--total-scale-factor", String(scale));
      layer.style.setProperty("--scale-factor", String(scale));
      sheet.task = one.render({ canvas, canvasContext: canvas.getContext("2d"), viewport: view, transform: dense === 1 ? null : [dense, 0, 0, dense, 0, 0] });
      const text = new pdf.TextLayer({ textContentSource: await one.getTextContent(), container: layer, viewport: view });
      await Promise.all([sheet.task.promise, text.render()]);
      if (closed || sheet.drawn !== scale) return;
      sheet.first = Math.abs(sheet.n - page) <= 1 && quote ? marked(text.textDivs, text.textContentItemsStr, quote) : null;
      show(sheet.element, canvas, layer, region && sheet.n === page ? regionBox(region) : null);
    })();
    sheet.ready.catch(error => { if (error.name !== "RenderingCancelledException") sheet.drawn = 0; });
    return sheet.ready;
  };
  // Pages far away give their memory back.
  const watcher = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const sheet = sheets[entry.target.dataset.page - 1];
      if (entry.isIntersecting) draw(sheet).catch(() => {});
      else if (sheet.drawn) { sheet.drawn = 0; sheet.task?.cancel(); show(sheet.element); }
    }
  }, { root: null, rootMargin: "100% 0px" });

  const number = h("span", { class: "of" });
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) { now = Number(entry.target.dataset.page); number.textContent = t.of(now, count); }
  }, { rootMargin: "-45% 0px -45% 0px" });
  const tool = (name, act, properties = {}) => h("button", { type: "button", class: "quiet", title: t[name], "aria-label": t[name], onclick: act, ...properties }, icon(name));
  const go = n => sheets[Math.max(1, Math.min(count, n)) - 1].element.scrollIntoView({ block: "start" });
  const scaled = async step => {
    zoom = Math.max(0.5, Math.min(4, zoom * (step > 0 ? 1.25 : 0.8)));
    const at = now;
    sheets.forEach(laid);
    go(at);
    await Promise.all(sheets.filter(s => s.drawn).map(draw));
  };
  show(controls, tool("back", () => go(now - 1)), number, tool("next", () => go(now + 1)), tool("smaller", () => scaled(-1), { "data-zoom": "-1" }), tool("bigger", () => scaled(1), { "data-zoom": "1" }));
  number.textContent = t.of(page, count);

  sheets.forEach(laid);
  const target = sheets[page - 1];
  target.element.scrollIntoView({ block: "start" });
  await draw(target);
  let mark = target.first;
  // A passage may begin on the page before, or the page's number be off by one.
  for (const other of [sheets[page], sheets[page - 2]]) if (!mark && quote && other) { await draw(other); mark = other.first; }
  if (mark) mark.scrollIntoView({ block: "center" });
  else {
    if (quote) list.before(h("p", { class: "note fallen" }, t.fallen));
    target.element.scrollIntoView({ block: "start" });
  }
  for (const sheet of sheets) { watcher.observe(sheet.element); seen.observe(sheet.element); }
  let waiting = 0, wide = list.clientWidth;
  const resized = new ResizeObserver(() => {
    if (Math.abs(list.clientWidth - wide) < 8) return;
    wide = list.clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => { sheets.forEach(laid); sheets.filter(s => s.drawn).forEach(s => draw(s).catch(() => {})); }, 150);
  });
  resized.observe(list);
  return { close() { closed = true; watcher.disconnect(); seen.disconnect(); resized.disconnect(); clearTimeout(waiting); task.destroy(); } };
}

function regionBox([left, top, right, bottom]) {
  const box = h("div", { class: "region" });
  Object.assign(box.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * (right - left)}%`, height: `${100 * (bottom - top)}%` });
  return box;
}
