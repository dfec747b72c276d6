// Talking to the server.

import { t } from "./text.js";

const tokenKey = "lore-token";

export class Refused extends Error {}

// call sends a request and returns the response; errors carry the server's text.
export async function call(method, path, body, signal, accept = "application/json") {
  const headers = { Accept: accept };
  const token = sessionStorage.getItem(tokenKey);
  if (token) headers.Authorization = "Bearer " + token;
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
export const post = async (path, body, signal) => (await call("POST", path, body, signal)).json();
export const remove = path => call("DELETE", path);
export const useToken = token => sessionStorage.setItem(tokenKey, token);

// session tells what one may do.
export const session = () => get("/v1/session");

// upload sends files, each with its path.
export async function upload(files) {
  const form = new FormData();
  for (const [path, file] of files) form.append("file", file, path);
  return (await call("POST", "/v1/documents", form)).json();
}

// save hands a file to the browser to keep.
export async function save(path, name) {
  const url = URL.createObjectURL(await (await call("GET", path, undefined, undefined, "*/*")).blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// events posts a body and calls receive(event, data) for each event that comes.
export async function events(path, body, signal, receive) {
  await read(await call("POST", path, body, signal, "text/event-stream"), receive);
}

// follow calls receive(data) for each change of a job until it ends.
export async function follow(path, receive) {
  await read(await call("GET", path, undefined, undefined, "text/event-stream"), (_, data) => receive(data));
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
      receive(event, JSON.parse(data));
    }
  }
}
