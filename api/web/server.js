// Talking to the server.

import { t } from "./text.js";

const tokenKey = "lore-token";

export class Refused extends Error {}

// call sends a request and returns the response; errors carry the server's text.
export async function call(method, path, body, signal, accept = "application/json") {
  const headers = { Accept: accept };
  const token = sessionStorage.getItem(tokenKey);
  if (token) headers.Authorization = "Bearer " + token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
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
export const useToken = token => sessionStorage.setItem(tokenKey, token);

// events posts a body and calls receive(event, data) for each event that comes.
export async function events(path, body, signal, receive) {
  const response = await call("POST", path, body, signal, "text/event-stream");
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
