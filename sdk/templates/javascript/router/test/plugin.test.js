import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost, attempt, call, question } from "../sdk/javascript/testing.js";
import { check, route } from "../src/plugin.js";

const config = { number: "100", team: ["1001", "1002"] };
const decide = (dialled, host, more = {}) => route(config, question(call("1003", dialled), more), host).decision;

test("the first of the team that is there is called", () => {
  const decision = decide("100", TestHost.withRegistered("1002"));
  assert.equal(decision.tag, "dial");
  assert.deepEqual(decision.val.targets[0].address, { tag: "aor", val: "1002" });
});

test("nobody is there, or nobody answers", () => {
  assert.equal(decide("100", TestHost.withRegistered()).val.status, 480);
  const tried = { reason: "failed", attempts: [attempt({ tag: "aor", val: "1001" }, "no-answer", 408)] };
  assert.equal(decide("100", TestHost.withRegistered("1001"), tried).val.status, 480);
});

test("other numbers are left to other plugins", () => {
  assert.equal(decide("200", TestHost.withRegistered("1001")).tag, "pass");
});

test("every mistake in the configuration is told", () => {
  assert.deepEqual(check({ team: [] }).map((problem) => problem.path), ["/number", "/team"]);
});
