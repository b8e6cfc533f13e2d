import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost, event } from "../sdk/javascript/testing.js";
import { check, format } from "../src/plugin.js";

const decide = (question) => format({}, question, new TestHost()).decision;

test("an ended call becomes a line", () => {
  const { tag, val } = decide(event("call-ended", { cause: "hung up" }));
  assert.equal(tag, "deliver");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(val[0].body)), { text: "A call has ended: hung up" });
});

test("other events are not told", () => {
  assert.equal(decide(event("call-started", {})).tag, "drop");
});

test("a key is a mistake", () => {
  assert.equal(check({ room: "x" }).length, 1);
});
