// From a plugin module to what the host calls. Only this file knows the imports of the component, so that plugins run natively in tests.
import { get as configText } from "cordboard:plugin/config@1.0.0";
import { emit } from "cordboard:plugin/log@1.0.0";
import { get as lookup, longestPrefix } from "cordboard:plugin/lookup@1.0.0";
import { add } from "cordboard:plugin/metrics@1.0.0";

/** What every kind of plugin may ask of its host. */
export const host = {
  log: (level, message, fields = []) => emit(level, String(message), fields),
  lookup: (table, key) => absent(lookup(table, key)),
  longestPrefix: (table, key) => absent(longestPrefix(table, key)),
  count: (name, labels = [], value = 1) => add(name, labels, value),
};

/** `describe` and `check-config`. */
export function metaOf(plugin) {
  return {
    describe: () => plugin.info,
    checkConfig(text) {
      const problems = problemsOf(plugin, text);
      if (problems.length > 0) throw problems;
    },
  };
}

function problemsOf(plugin, text) {
  try {
    return plugin.check ? plugin.check(JSON.parse(text)) : [];
  } catch (error) {
    return [{ path: "", message: String(error) }];
  }
}

/** What is not there is `undefined` in the types and in tests, and `null` in the engine. Lists of texts and of pairs hold neither. */
export function absent(value) {
  if (value === null) return undefined;
  if (typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) {
    if (value.length > 0 && typeof value[0] === "object" && !Array.isArray(value[0])) value.forEach(absent);
    return value;
  }
  for (const name in value) {
    const field = value[name];
    if (field === null) value[name] = undefined;
    else if (typeof field === "object") absent(field);
  }
  return value;
}

/** Calls the function of the kind, and makes a fault of whatever it throws. */
export function ask(decide) {
  try {
    return decide(JSON.parse(configText()));
  } catch (error) {
    if (error !== null && typeof error === "object" && "code" in error && "retryable" in error) throw error;
    throw { code: "exception", message: describeError(error), retryable: false };
  }
}

const describeError = (error) => (error instanceof Error ? `${error}\n${error.stack ?? ""}` : String(error)).slice(0, 1000);
