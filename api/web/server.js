// Talking to the server.

import { t } from "./text.js";

const tokenKey = "lore-token";
const collectionKey = "lore-collection";

export class Refused extends Error {}

// chosen is the collection that is worked with; "" is the server's default.
export const chosen = () => sessionStorage.getItem(collectionKey) ?? "";
export const choose = name => sessionStorage.setItem(collectionKey, name);

// within adds the chosen collection to an address.
export const within = path => chosen() ? path + (path.includes("?") ? "&" : "?") + "collection=" + encodeURIComponent(chosen()) : path;

// about adds the chosen collection to a body.
export const about = body => chosen() ? { ...body, collection: chosen() } : body;

// credentials are the headers that a request needs.
export function credentials() {
  const token = sessionStorage.getItem(tokenKey);
  return token ? { Authorization: "Bearer " + token } : {};
}

// call sends a request and returns the response; errors carry the server's text.
export async function call(method, path, body, signal, accept = "application/json") {
  const headers = { Accept: accept, ...credentials() };
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined || form ? body : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(t.offline);
  }
  if (response.ok) return response;
  const text = (await response.json().catch(() => null))?.error?.message ?? response.statusText;
  throw response.status === 401 ? new Refused(text) : new Error(text);
}

export const get = async path => (await call("GET", path)).json();
export const post = async (path, body, signal) => {
  const response = await call("POST", path, body, signal);
  return response.status === 204 ? null : response.json();
};
export const patch = async (path, body) => (await call("PATCH", path, body)).json();
export const remove = path => call("DELETE", path);
export const useToken = token => { sessionStorage.setItem(tokenKey, token); known = null; };

let known = null;

// session tells what one may do, and which collections there are.
export function session() {
  known ??= Promise.all([get("/v1/session"), get("/v1/collections")]).then(([may, { collections }]) => ({ ...may, collections }));
  known.catch(() => { known = null; });
  return known;
}

// forget lets the next session be asked for anew.
export const forget = () => { known = null; };

// counts asks anew what the collections hold.
export async function counts() {
  known = null;
  return (await session()).collections;
}

// upload sends files, each with its path.
export async function upload(files) {
  const form = new FormData();
  for (const [path, file] of files) form.append("file", file, path);
  return (await call("POST", within("/v1/documents"), form)).json();
}

// keep hands text or bytes to the browser to save under a name.
export function keep(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// save fetches a file and hands it to the browser to save.
export async function save(path, name) {
  keep(await (await call("GET", path, undefined, undefined, "*/*")).blob(), name);
}

// events posts a body and calls receive(event, data) for each event that comes.
export async function events(path, body, signal, receive) {
  await read(await call("POST", path, body, signal, "text/event-stream"), receive);
}

// follow calls receive(data) for each change of a job until it ends.
export async function follow(path, receive) {
  await read(await call("GET", path, undefined, undefined, "text/event-stream"), (event, data) => { if (event === "job") receive(data); });
}

async function read(response, receive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      let event = "message", data = "";
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) event = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) receive(event, JSON.parse(data));
    }
  }
}
