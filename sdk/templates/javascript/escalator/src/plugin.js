// Calls one contact after the other, in the order of their priority, so many rounds as configured.
import { giveUp, info as describe, page, problem, steps, wait } from "../sdk/javascript/index.js";

export const info = describe("{{name}}", "0.1.0", "A {{kind}} for Cordboard");

// `config` is the `config:` block of the plugin: `rounds`, how often everybody is called.
export function check(config) {
  return Number.isInteger(config.rounds) && config.rounds > 0 ? [] : [problem("/rounds", "expected a whole number from 1")];
}

export function escalate(config, question, host) {
  const { contacts, history } = question.incident;
  if (history.some((attempt) => attempt.endedMs === undefined)) return steps([wait("next", 30_000)], "somebody is being called");
  const inOrder = contacts.toSorted((a, b) => a.priority - b.priority);
  if (inOrder.length === 0 || history.length >= config.rounds * inOrder.length) return steps([giveUp("nobody acknowledged")], "everybody was called");
  const next = inOrder[history.length % inOrder.length];
  return steps([page(next.id)], `${next.name} is next`);
}
