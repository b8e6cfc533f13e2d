// Routes a number by weekday and time: the first line of the schedule that fits decides who is called.
import { aor, dial, info as describe, pass, problem, reject } from "../../../sdk/javascript/index.js";

export const info = describe("time-of-day", "0.1.0", "Routes a number by weekday and time");

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$|^24:00$/;

// `config`: `number`, `utc-offset-minutes`, `schedule` (a list of `days`, `from`, `to`, `targets`) and `otherwise` (targets).
export function check(config) {
  const problems = [];
  if (typeof config.number !== "string") problems.push(problem("/number", "expected a number in quotes"));
  if (!Array.isArray(config.schedule)) return [...problems, problem("/schedule", "expected a list of lines with days, from, to and targets")];
  config.schedule.forEach((line, index) => problems.push(...checkLine(line, `/schedule/${index}`)));
  return problems;
}

function checkLine(line, path) {
  const unknown = (line.days ?? []).filter((day) => !DAYS.includes(day));
  const times = ["from", "to"].filter((name) => !TIME.test(line[name]));
  return [
    ...unknown.map((day) => problem(`${path}/days`, `expected ${DAYS.join(", ")}, found ${JSON.stringify(day)}`)),
    ...times.map((name) => problem(`${path}/${name}`, `expected a time such as 08:30 in quotes, found ${JSON.stringify(line[name])}`)),
    ...(line.targets?.length > 0 ? [] : [problem(`${path}/targets`, "expected at least one user")]),
  ];
}

export function route(config, question, host) {
  if (question.call.callee.user !== config.number) return pass("another number");
  if (question.attempts.length > 0) return reject(480, "nobody of the schedule answered");
  const now = localTime(question.call.nowMs, config["utc-offset-minutes"] ?? 0);
  const line = config.schedule.find((candidate) => fits(candidate, now));
  const targets = line?.targets ?? config.otherwise ?? [];
  const when = `${now.day} ${now.clock}`;
  host.log("debug", "looked into the schedule", [["when", when]]);
  if (targets.length === 0) return reject(480, `nobody is there on ${when}`);
  return dial(targets.map((user) => aor(user)), `${targets.join(", ")} on ${when}`);
}

// There is no clock in the sandbox: the time is in the question, as a BigInt of milliseconds.
function localTime(nowMs, offsetMinutes) {
  const date = new Date(Number(nowMs) + offsetMinutes * 60_000);
  return { day: DAYS[date.getUTCDay()], clock: date.toISOString().slice(11, 16) };
}

const fits = (line, now) => (line.days ?? DAYS).includes(now.day) && line.from <= now.clock && now.clock < line.to;
