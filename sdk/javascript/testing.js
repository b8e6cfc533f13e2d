// A host and questions for native tests: `node --test`.

/** Stands in for the host: tables and servers that the test fills, and everything the plugin logged, counted and sent. */
export class TestHost {
  constructor({ tables = {}, responses = {} } = {}) {
    this.tables = tables;
    this.responses = responses;
    this.logged = [];
    this.counted = {};
    this.sent = [];
  }

  /** A host whose table `registrations` has these users. */
  static withRegistered(...users) {
    return new TestHost({ tables: { registrations: Object.fromEntries(users.map((user) => [user, `sip:${user}@192.0.2.1`])) } });
  }

  log(level, message) { this.logged.push(`${level}: ${message}`); }
  count(name, labels = [], value = 1) { this.counted[name] = (this.counted[name] ?? 0) + value; }
  lookup(table, key) { return this.tables[table]?.[key]; }

  longestPrefix(table, key) {
    const fits = Object.entries(this.tables[table] ?? {}).filter(([prefix]) => key.startsWith(prefix));
    return fits.sort(([a], [b]) => b.length - a.length)[0];
  }

  /** Answers with what the test named for the URL; any other URL is not allowed. */
  send(request) {
    this.sent.push(request);
    const response = this.responses[request.url];
    if (response === undefined) throw { payload: { tag: "not-allowed" } };
    return { headers: [], ...response };
  }
}

const NOW_MS = 1700000000000n;

/** One side of a call. */
export const party = (user) => ({ uri: `sip:${user}@pbx.example`, user, host: "pbx.example", display: undefined, attrs: [] });

/** A new call from one user to another, both of `pbx.example`. */
export const call = (from, to, more = {}) => ({
  id: "0000000000000000000000000000002a", sipCallId: "2a@192.0.2.7", method: "INVITE", transport: "udp",
  source: "192.0.2.7:5060", caller: party(from), callee: party(to), trunk: undefined, extension: to,
  authenticatedAs: undefined, tenant: undefined, headers: [], hop: 70, nowMs: NOW_MS, attrs: [], ...more,
});

/** The routing question about a call. */
export const question = (aCall, more = {}) => ({
  call: aCall, reason: "new", attempts: [], redirects: [], referral: undefined, digits: undefined, recording: undefined,
  streamEnd: undefined, memo: "", attrs: [], ...more,
});

/** One attempt that came to nothing. */
export const attempt = (address, outcome, status) => ({ address, outcome, status, durationMs: 1000, attrs: [] });

/** The question about an incident with these contacts, the first of them `primary`. */
export const incident = (contacts, more = {}, trigger = { tag: "opened" }) => ({
  incident: {
    id: "incident-1", severity: "critical", summary: "The database does not answer", text: "The database does not answer",
    openedMs: NOW_MS,
    contacts: contacts.map((id, index) => ({
      id, name: id, role: index === 0 ? "primary" : "secondary", groups: [], address: `+8225550${100 + index}`,
      language: "", priority: index, attrs: [],
    })),
    providers: [{ name: "carrier", kind: "sip", healthy: true, attrs: [] }],
    history: [], timers: [], success: "acknowledged", attemptsLeft: 20, memo: "", attrs: [], ...more,
  },
  trigger, nowMs: NOW_MS, attrs: [],
});

/** A page that ended. */
export const paged = (number, contact, outcome) => ({
  number, contact, provider: "carrier", startedMs: NOW_MS, endedMs: NOW_MS + 15000n, outcome, attrs: [],
});

/** The question about an event, with its canonical JSON, for a webhook. */
export const event = (kind, value, more = {}) => ({
  event: {
    id: "event-1", kind, schema: 1, atMs: NOW_MS, callId: undefined, incidentId: undefined, extensions: [],
    json: JSON.stringify(value), attrs: [], ...more,
  },
  sink: { name: "webhook", kind: "webhook", attrs: [] }, nowMs: NOW_MS, attrs: [],
});
