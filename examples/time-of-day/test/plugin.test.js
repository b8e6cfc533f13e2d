import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost, call, question } from "../../../sdk/javascript/testing.js";
import { check, route } from "../src/plugin.js";

const config = {
  number: "100",
  "utc-offset-minutes": 540,
  schedule: [{ days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "18:00", targets: ["1001", "1002"] }],
  otherwise: ["1003"],
};
const at = (utc, dialled = "100") =>
  route(config, question(call("1009", dialled, { nowMs: BigInt(Date.parse(utc)) })), new TestHost()).decision;
const users = (decision) => decision.val.targets.map((target) => target.address.val);

test("the team is called in its working hours, which are local", () => {
  assert.deepEqual(users(at("2026-11-20T00:00:00Z")), ["1001", "1002"]);
  assert.deepEqual(users(at("2026-11-20T08:59:00Z")), ["1001", "1002"]);
  assert.deepEqual(users(at("2026-11-20T09:00:00Z")), ["1003"]);
  assert.deepEqual(users(at("2026-11-21T03:00:00Z")), ["1003"]);
});

test("other numbers are left to other plugins", () => {
  assert.equal(at("2026-11-20T00:00:00Z", "200").tag, "pass");
});

test("every mistake in the schedule is told with its place", () => {
  const problems = check({ number: "100", schedule: [{ days: ["mo"], from: "9", to: "24:00", targets: [] }] });
  assert.deepEqual(problems.map((problem) => problem.path), ["/schedule/0/days", "/schedule/0/from", "/schedule/0/targets"]);
});
