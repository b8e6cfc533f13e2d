// Lets some extensions call international numbers, and nobody else.
import { allow, deny, info as describe, notMine, problem } from "../sdk/javascript/index.js";

export const info = describe("{{name}}", "0.1.0", "A {{kind}} for Cordboard");

// `config` is the `config:` block of the plugin in the configuration of the PBX:
// `prefix`, how international numbers begin, and `allowed`, the extensions that may call them.
export function check(config) {
  const problems = [];
  if (typeof config.prefix !== "string" || config.prefix === "") problems.push(problem("/prefix", "expected the beginning of a number in quotes"));
  if (!Array.isArray(config.allowed)) problems.push(problem("/allowed", "expected a list of extensions"));
  return problems;
}

export function authorize(config, subject, host) {
  if (subject.tag !== "call") return notMine("no call");
  if (!subject.val.callee.user.startsWith(config.prefix)) return notMine("not international");
  // What the caller's phone proved with a digest answer. Anybody can write anything into From.
  const caller = subject.val.authenticatedAs;
  if (config.allowed.includes(caller)) return allow(`${caller} may call abroad`);
  return deny(403, "may not call abroad");
}
