// A document's text with its structure: headings, lists, tables, code and
// paragraphs are told from the marks of Markdown, which extracted text has too.
// No character is lost of what a quote can hold but the marks themselves.

import { h } from "./parts.js";
import { t } from "./text.js";

const inline = /(\*\*|__)(?=\S)(.+?)(?<=\S)\1|`([^`\n]+)`|!?\[([^\]\n]*)\]\(([^()\s]*)\)/g;

// structured returns the text as elements, and the first part of the mark from
// start to end. In a part of a document, which is flat, headings are no headings
// of the page.
export function structured(text, start, end, flat = false) {
  const plain = text.text;
  const marks = /markdown|html|word|epub|opendocument|presentation|notebook/.test(text.type);
  const code = !marks && /json|xml|yaml|csv|javascript|source|x-/.test(text.type) && !/pdf/.test(text.type);
  let first = null;

  // piece makes the nodes of a part of the text, with what is marked in <mark>.
  const piece = (from, to) => {
    const nodes = [];
    const a = Math.max(from, Math.min(to, start)), b = Math.max(from, Math.min(to, end));
    if (a > from) nodes.push(plain.slice(from, a));
    if (b > a) {
      const mark = h("mark", first ? {} : { tabindex: "-1" }, plain.slice(a, b));
      first ??= mark;
      nodes.push(mark);
    }
    if (to > Math.max(a, b)) nodes.push(plain.slice(b > a ? b : a, to));
    return nodes;
  };

  // line makes the nodes of a line with emphasis, code and links.
  const line = (from, to) => {
    if (!marks) return piece(from, to);
    const nodes = [];
    let at = from;
    for (const m of plain.slice(from, to).matchAll(inline)) {
      const begin = from + m.index;
      nodes.push(...piece(at, begin));
      if (m[1]) nodes.push(h("strong", {}, piece(begin + 2, begin + 2 + m[2].length)));
      else if (m[3] !== undefined) nodes.push(h("code", {}, piece(begin + 1, begin + 1 + m[3].length)));
      else {
        const open = m[0].indexOf("[") + 1;
        nodes.push(h("span", { class: "linked", title: m[5] }, piece(begin + open, begin + open + m[4].length)));
      }
      at = begin + m[0].length;
    }
    nodes.push(...piece(at, to));
    return nodes;
  };

  const cells = (from, to) => {
    const row = [];
    let at = from;
    const source = plain.slice(from, to);
    const edge = /^\s*\|/.test(source);
    for (let i = 0; i <= source.length; i++) {
      if (i < source.length && (source[i] !== "|" || source[i - 1] === "\\")) continue;
      const raw = source.slice(at - from, i);
      const lead = raw.length - raw.trimStart().length;
      row.push([at + lead, Math.max(at + lead, at + raw.trimEnd().length)]);
      at = from + i + 1;
    }
    if (edge) row.shift();
    if (edge && row.length && row.at(-1)[0] === row.at(-1)[1]) row.pop();
    return row;
  };

  const out = h("div", { class: code ? "text code" : "text", lang: text.language || null, dir: "auto" });
  const lines = [];
  for (let at = 0; at <= plain.length;) {
    let stop = plain.indexOf("\n", at);
    if (stop < 0) stop = plain.length;
    lines.push([at, plain[stop - 1] === "\r" ? stop - 1 : stop]);
    at = stop + 1;
  }
  if (code) {
    out.append(h("pre", {}, piece(0, plain.length)));
    return { element: out, mark: first };
  }
  const bytesAt = new Map((text.pages ?? []).map(p => [p.start, p.number]));
  const paged = bytesAt.size > 1;
  const encoder = new TextEncoder();
  let bytes = 0, counted = 0;
  const said = i => plain.slice(...lines[i]);
  const isRow = i => i < lines.length && (said(i).match(/(?<!\\)\|/g)?.length ?? 0) >= (/^\s*\|/.test(said(i)) ? 2 : 1) && said(i).includes("|");
  const isRule = i => i < lines.length && /^\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*$/.test(said(i));
  let level = 2; // of the heading before: the document's title
  let open = null; // the list that is being filled
  for (let i = 0; i < lines.length; i++) {
    const [from, to] = lines[i];
    if (paged) {
      bytes += encoder.encode(plain.slice(counted, from)).length;
      counted = from;
      for (const [at, n] of bytesAt) if (at <= bytes) {
        out.append(h("div", { class: "break", role: "separator", "aria-label": t.page(n) }, t.page(n)));
        bytesAt.delete(at);
      }
    }
    const words = plain.slice(from, to);
    if (!words.trim()) { open = null; continue; }
    let m;
    if (marks && (m = /^(\s*)(```|~~~)/.exec(words))) {
      const body = i + 1;
      let last = body;
      while (last < lines.length && !said(last).trim().startsWith(m[2])) last++;
      if (last > body) out.append(h("pre", {}, piece(lines[body][0], lines[last - 1][1])));
      i = last;
      open = null;
    } else if (marks && (m = /^(#{1,6})\s+/.exec(words))) {
      level = Math.min(6, m[1].length + 2, level + 1); // none is left out
      out.append(h(flat ? "p" : "h" + level, { class: "level" + m[1].length }, line(from + m[0].length, to)));
      open = null;
    } else if (isRow(i) && (isRule(i + 1) || isRow(i + 1)) && !/^\s*([-*+•]|\d+[.)、])\s/.test(words)) {
      const table = h("table");
      const headed = isRule(i + 1);
      for (; isRow(i) || isRule(i); i++) {
        if (isRule(i)) continue;
        const cell = headed && !table.childElementCount ? "th" : "td";
        table.append(h("tr", {}, cells(...lines[i]).map(([a, b]) => h(cell, cell === "th" ? { scope: "col" } : {}, line(a, b)))));
      }
      i--;
      out.append(h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t.text }, table));
      open = null;
    } else if ((m = /^(\s*)([-*+•]|\d{1,3}[.)、])\s+/.exec(words))) {
      const kind = /\d/.test(m[2]) ? "ol" : "ul";
      if (open?.localName !== kind) out.append(open = h(kind));
      const item = h("li", kind === "ol" ? { value: String(parseInt(m[2], 10)) } : {}, line(from + m[0].length, to));
      if (m[1].length > 1) item.className = "deep";
      open.append(item);
    } else if (open && /^\s{2,}/.test(words)) {
      open.lastElementChild.append(" ", ...line(from + words.length - words.trimStart().length, to));
    } else if (marks && (m = /^>\s?/.exec(words))) {
      out.append(h("blockquote", {}, line(from + m[0].length, to)));
      open = null;
    } else {
      open = null;
      const parts = [...line(from, to)];
      // Lines that follow each other are one paragraph; their ends stay.
      while (i + 1 < lines.length && said(i + 1).trim() && !isRow(i + 1) && !(marks && /^(#{1,6}\s|\s*(```|~~~)|>)/.test(said(i + 1))) && !/^\s*([-*+•]|\d{1,3}[.)、])\s+/.test(said(i + 1))) {
        i++;
        parts.push(...piece(lines[i - 1][1], lines[i][0]), ...line(...lines[i]));
      }
      out.append(h("p", {}, parts));
    }
  }
  return { element: out, mark: first };
}
