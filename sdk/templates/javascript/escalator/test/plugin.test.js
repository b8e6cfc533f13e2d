import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost, incident, paged } from "../sdk/javascript/testing.js";
import { check, escalate } from "../src/plugin.js";

const decide = (history) => escalate({ rounds: 1 }, incident(["ada", "ben"], { history }), new TestHost()).decision.val;

test("one contact after the other is called", () => {
  assert.equal(decide([])[0].val.contact, "ada");
  assert.equal(decide([paged(1, "ada", "no-answer")])[0].val.contact, "ben");
});

test("nobody is called while somebody's phone rings", () => {
  assert.equal(decide([{ ...paged(1, "ada", "ringing"), endedMs: undefined }])[0].tag, "wait");
});

test("after the last round the operators are told", () => {
  assert.equal(decide([paged(1, "ada", "no-answer"), paged(2, "ben", "busy")])[0].tag, "give-up");
});

test("no rounds are a mistake", () => {
  assert.equal(check({ rounds: 0 }).length, 1);
});
