// Makes a line for a chat room of every call that has ended.
import { deliver, info as describe, json, unwanted } from "../sdk/javascript/index.js";

export const info = describe("{{name}}", "0.1.0", "A {{kind}} for Cordboard");

// There is nothing to configure.
export function check(config) {
  return Object.keys(config).map((key) => ({ path: `/${key}`, message: "expected no key, there is nothing to configure" }));
}

export function format(config, question, host) {
  const { kind, json: text } = question.event;
  if (kind !== "call-ended") return unwanted("only ended calls are told");
  const known = JSON.parse(text);
  return deliver([json({ text: `A call has ended: ${known.cause ?? "no cause is known"}` })]);
}
