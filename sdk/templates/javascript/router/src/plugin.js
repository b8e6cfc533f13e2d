// Sends calls for one number to the phone of somebody who is there.
import { aor, dial, info as describe, pass, problem, reject } from "../sdk/javascript/index.js";

export const info = describe("{{name}}", "0.1.0", "A {{kind}} for Cordboard", { tables: ["registrations"] });

// `config` is the `config:` block of the plugin in the configuration of the PBX:
// `number`, what people dial, and `team`, the extensions that may take the call.
export function check(config) {
  const problems = [];
  if (typeof config.number !== "string") problems.push(problem("/number", "expected a number in quotes, such as \"100\""));
  if (!Array.isArray(config.team) || config.team.length === 0) problems.push(problem("/team", "expected at least one extension"));
  return problems;
}

export function route(config, question, host) {
  if (question.call.callee.user !== config.number) return pass("another number");
  if (question.attempts.length > 0) return reject(480, "the team does not answer");
  const there = config.team.find((extension) => host.lookup("registrations", extension) !== undefined);
  if (there === undefined) return reject(480, "nobody of the team is registered");
  return dial([aor(there)], `${there} is there`);
}
