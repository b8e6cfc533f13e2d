import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost, call } from "../sdk/javascript/testing.js";
import { authorize, check } from "../src/plugin.js";

const config = { prefix: "00", allowed: ["1001"] };
const decide = (authenticatedAs, dialled) =>
  authorize(config, { tag: "call", val: call("1001", dialled, { authenticatedAs }) }, new TestHost()).verdict;

test("who is allowed and proved it may call abroad", () => {
  assert.equal(decide("1001", "0049301234").tag, "allow");
});

test("a name that is not proved counts for nothing", () => {
  assert.equal(decide(undefined, "0049301234").val.status, 403);
  assert.equal(decide("1002", "0049301234").val.status, 403);
});

test("other calls are left to other plugins", () => {
  assert.equal(decide(undefined, "1002").tag, "pass");
});

test("every mistake in the configuration is told", () => {
  assert.deepEqual(check({ prefix: "" }).map((problem) => problem.path), ["/prefix", "/allowed"]);
});
