// Answers by name, for every kind of plugin. The shapes are those of wit/1.0; types.d.ts has them for editors.
//
// A plugin is a module that exports `info`, optionally `check(config)`, and the function of its kind:
// `route(config, question, host)`, `authorize(config, subject, host)`, `escalate(config, question, host)` or
// `format(config, question, host)`. Throw `fault(code, message)` when you cannot decide.

/** What `describe` tells the host. @returns {import("./types.d.ts").Info} */
export const info = (name, version, summary, { configSchema = "", tables = [] } = {}) => ({
  name, version, summary, configSchema, tables, attrs: [],
});

/** A mistake in the configuration block, with its place as a JSON Pointer. @returns {import("./types.d.ts").Problem} */
export const problem = (path, message) => ({ path, message });

/** To be thrown: the host counts it, shows it to the operator and takes the fallback. @returns {import("./types.d.ts").Fault} */
export const fault = (code, message, retryable = false) => ({ code, message, retryable });

const rejection = (status, { reason = "", retryAfterS } = {}) => ({ status, reason, retryAfterS, attrs: [] });

// Routing: where a call goes.

/** Any decision, and one sentence that says why. @returns {import("./types.d.ts").RouteAnswer} */
export const routed = (decision, why = "", memo = "") => ({ decision, memo, why, attrs: [] });

/** One place to try. `more` overrides what the host does by itself. @returns {import("./types.d.ts").Target} */
const target = (tag, val, more) => ({
  address: { tag, val }, ringTimeoutMs: undefined, caller: undefined, addHeaders: [], removeHeaders: [],
  srtp: "unspecified", attrs: [], ...more,
});
/** A registered user: `user`, or `user@domain`. */
export const aor = (user, more = {}) => target("aor", user, more);
/** A SIP URI. */
export const uri = (sipUri, more = {}) => target("uri", sipUri, more);
/** A number behind a trunk. */
export const trunk = (name, number, more = {}) => target("trunk", { trunk: name, number }, more);

/** Rings targets, one after the other unless `strategy` is "parallel". */
export const dial = (targets, why = "", { strategy = "sequential", recordMedia = false, transcribe = false } = {}) =>
  routed({ tag: "dial", val: { targets, strategy, recordMedia, transcribe, attrs: [] } }, why);
/** Refuses the call with a SIP status from 400 to 699. */
export const reject = (status, why = "", more = {}) => routed({ tag: "reject", val: rejection(status, more) }, why);
/** Answers 302 with these URIs, best first. */
export const redirect = (uris, why = "") => routed({ tag: "redirect", val: uris }, why);
/** Leaves the call to the next plugin of the chain. */
export const pass = (why = "") => routed({ tag: "pass" }, why);

/** Says a text. */
export const say = (text, { language, voice } = {}) => ({ tag: "speech", val: { text, language, voice } });
/** Plays a file of the host's prompt folder. */
export const file = (name) => ({ tag: "file", val: name });
/** Plays a tone: `ringback`, `busy`, `congestion`, `beep`. */
export const tone = (name) => ({ tag: "tone", val: name });
/** Says nothing for so many milliseconds. */
export const silence = (milliseconds) => ({ tag: "silence-ms", val: milliseconds });
/** The plugin is asked again. */
export const askAgain = { tag: "ask-again" };
/** The call ends; before it was answered with this status. */
export const hangUp = (status = 480) => ({ tag: "hang-up", val: status });

/** Lets the caller hear something. */
export const play = (prompts, why = "", { repeat = 1, early = false, next = askAgain } = {}) =>
  routed({ tag: "play", val: { prompts, repeat, early, next, attrs: [] } }, why);
/** Lets the caller press digits; the plugin is asked again with reason "digits". */
export const collect = (prompts, maxDigits, why = "", {
  minDigits = 1, terminators = "#", firstDigitMs = 5000, interDigitMs = 3000,
} = {}) => routed({ tag: "collect", val: { prompts, minDigits, maxDigits, terminators, firstDigitMs, interDigitMs, attrs: [] } }, why);
/** Takes a message of the caller. */
export const recordMessage = (prompts, maxMs, why = "", {
  beep = true, silenceMs, terminators = "#", transcribe = false, next = askAgain,
} = {}) => routed({ tag: "record-message", val: { prompts, beep, maxMs, silenceMs, terminators, transcribe, next, attrs: [] } }, why);
/** Connects the caller's audio to a WebSocket server. */
export const mediaStream = (url, why = "", {
  protocol = "", codec = "", sampleRateHz = 0, credentials, parameters = [], next = askAgain,
} = {}) => routed({ tag: "media-stream", val: { url, protocol, codec, sampleRateHz, credentials, parameters, next, attrs: [] } }, why);
/** Opens an incident, which calls people until one acknowledges it. */
export const openIncident = (summary, why = "", {
  text = summary, severity = "high", dedupKey, contacts = [], prompts = [], next = askAgain,
} = {}) => routed({ tag: "page", val: { summary, text, severity, dedupKey, contacts, prompts, next, attrs: [] } }, why);

// Authorization: who may do what.

const judged = (verdict, why) => ({ verdict, why, attrs: [] });
/** Lets it happen; routing sees the attributes, a list of `["namespace:name", "value"]`. */
export const allow = (why = "", attributes = []) => judged({ tag: "allow", val: attributes }, why);
/** Refuses with a SIP status. */
export const deny = (status, why = "", more = {}) => judged({ tag: "deny", val: rejection(status, more) }, why);
/** Wants a proof of being `user`, verified with a secret of the host's configuration. */
export const challenge = (realm, user, secret, why = "", algorithms = []) =>
  judged({ tag: "challenge", val: { realm, user, credential: { tag: "secret", val: secret }, algorithms, attrs: [] } }, why);
/** The same with hashes that the plugin knows: `{ algorithm: "sha256", hash: "..." }`. */
export const challengeWithHashes = (realm, user, hashes, why = "", algorithms = []) =>
  judged({ tag: "challenge", val: { realm, user, credential: { tag: "ha1", val: hashes }, algorithms, attrs: [] } }, why);
/** Leaves it to the next plugin of the chain. */
export const notMine = (why = "") => judged({ tag: "pass" }, why);

// Escalation: who is called next about an incident.

/** Carries these out in their order; `memo` comes back with the next question. */
export const steps = (list, why = "", memo = "") => ({ decision: { tag: "steps", val: list }, memo, why, attrs: [] });
/** Leaves the incident to the next plugin of the chain. */
export const leaveIncident = (why = "", memo = "") => ({ decision: { tag: "pass" }, memo, why, attrs: [] });
/** Calls a contact. */
export const page = (contact, {
  providers = [], say: text, repeat = 0, acknowledgeDigit = "", answerTimeoutMs = 0,
} = {}) => ({ tag: "page", val: { contact, providers, say: text, repeat, acknowledgeDigit, answerTimeoutMs, attrs: [] } });
/** Asks again later. */
export const wait = (timer, afterMs) => ({ tag: "wait", val: { timer, afterMs } });
/** Cancels a running attempt by its number. */
export const cancel = (number) => ({ tag: "cancel", val: number });
/** Clears a timer. */
export const clear = (timer) => ({ tag: "clear", val: timer });
/** Closes the incident as handled. */
export const close = (reason) => ({ tag: "close", val: reason });
/** Gives up: operators are told. */
export const giveUp = (reason) => ({ tag: "give-up", val: reason });

// Formatting: what an event looks like to its receiver.

const formatted = (decision, why) => ({ decision, why, attrs: [] });
/** Delivers messages in their order. */
export const deliver = (messages, why = "") => formatted({ tag: "deliver", val: messages }, why);
/** The sink does not want this event. */
export const unwanted = (why = "") => formatted({ tag: "drop" }, why);
/** Leaves the event to the next plugin of the chain. */
export const canonical = (why = "") => formatted({ tag: "pass" }, why);
/** A message of text. */
export const message = (contentType, text, headers = []) => ({
  contentType, body: new TextEncoder().encode(text), headers, attrs: [],
});
/** A message of JSON. */
export const json = (value, headers = []) => message("application/json", JSON.stringify(value), headers);
