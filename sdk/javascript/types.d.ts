// The interface wit/1.0 as types. What each field means is explained in the WIT files; names are written likeThis here.
export type Pairs = [string, string][];
export interface Info { name: string; version: string; summary: string; configSchema: string; tables: string[]; attrs: Pairs }
export interface Problem { path: string; message: string }
export interface Fault { code: string; message: string; retryable: boolean }
export interface Rejection { status: number; reason: string; retryAfterS?: number; attrs: Pairs }
export interface Party { uri: string; user: string; host: string; display?: string; attrs: Pairs }
export interface Call {
  id: string; sipCallId: string; method: string; transport: string; source: string; caller: Party; callee: Party;
  trunk?: string; extension?: string; authenticatedAs?: string; tenant?: string; headers: Pairs; hop: number;
  nowMs: bigint; attrs: Pairs;
}

// Routing.
export type Reason = "new" | "failed" | "redirected" | "refer" | "digits" | "played" | "recorded" | "stream-ended" | "hand-over" | "paged";
export type TargetAddress =
  | { tag: "aor"; val: string } | { tag: "uri"; val: string } | { tag: "trunk"; val: { trunk: string; number: string } };
export interface Identity { user: string; display?: string; host?: string; anonymous: boolean }
export type Srtp = "unspecified" | "off" | "preferred" | "required";
export interface Target {
  address: TargetAddress; ringTimeoutMs?: number; caller?: Identity; addHeaders: Pairs; removeHeaders: string[];
  srtp: Srtp; attrs: Pairs;
}
export interface Dial {
  targets: Target[]; strategy: "parallel" | "sequential"; recordMedia: boolean; transcribe: boolean; attrs: Pairs;
}
export type Prompt =
  | { tag: "speech"; val: { text: string; language?: string; voice?: string } } | { tag: "file"; val: string }
  | { tag: "tone"; val: string } | { tag: "silence-ms"; val: number };
export type Next = { tag: "ask-again" } | { tag: "hang-up"; val: number };
export interface Play { prompts: Prompt[]; repeat: number; early: boolean; next: Next; attrs: Pairs }
export interface Collect {
  prompts: Prompt[]; minDigits: number; maxDigits: number; terminators: string; firstDigitMs: number; interDigitMs: number;
  attrs: Pairs;
}
export interface RecordMessage {
  prompts: Prompt[]; beep: boolean; maxMs: number; silenceMs?: number; terminators: string; transcribe: boolean; next: Next;
  attrs: Pairs;
}
export interface MediaStream {
  url: string; protocol: string; codec: string; sampleRateHz: number; credentials?: string; parameters: Pairs; next: Next;
  attrs: Pairs;
}
export interface Page {
  summary: string; text: string; severity: string; dedupKey?: string; contacts: string[]; prompts: Prompt[]; next: Next;
  attrs: Pairs;
}
export type Decision =
  | { tag: "dial"; val: Dial } | { tag: "reject"; val: Rejection } | { tag: "redirect"; val: string[] }
  | { tag: "play"; val: Play } | { tag: "collect"; val: Collect } | { tag: "record-message"; val: RecordMessage }
  | { tag: "media-stream"; val: MediaStream } | { tag: "page"; val: Page } | { tag: "pass" };
export type Outcome =
  "busy" | "no-answer" | "rejected" | "unreachable" | "redirected" | "failed" | "answered" | "cancelled";
export interface Attempt { address: TargetAddress; outcome: Outcome; status: number; durationMs: number; attrs: Pairs }
export interface Question {
  call: Call; reason: Reason; attempts: Attempt[]; redirects: string[];
  referral?: { by: "caller" | "callee"; referTo: string; replaces: boolean; attrs: Pairs };
  digits?: { digits: string; end: "complete" | "terminator" | "timeout" | "too-few"; attrs: Pairs };
  recording?: { id: string; durationMs: number; transcript?: string; attrs: Pairs };
  streamEnd?: { cause: string; summary?: string; destination?: string; attrs: Pairs };
  memo: string; attrs: Pairs;
}
export interface RouteAnswer { decision: Decision; memo: string; why: string; attrs: Pairs }

// Authorization.
export interface Access {
  action: string; object: string; extension?: string; parties: string[]; roles: string[]; tenant?: string; source: string;
  nowMs: bigint; attrs: Pairs;
}
export type Subject =
  | { tag: "call"; val: Call } | { tag: "register"; val: Call }
  | { tag: "refer"; val: { call: Call; referTo: string; replaces: boolean } }
  | { tag: "dashboard"; val: Access } | { tag: "api"; val: Access };
export type Algorithm = "md5" | "sha256" | "sha512-256";
export interface Challenge {
  realm: string; user: string; algorithms: Algorithm[]; attrs: Pairs;
  credential: { tag: "secret"; val: string } | { tag: "ha1"; val: { algorithm: Algorithm; hash: string }[] };
}
export type Verdict =
  | { tag: "allow"; val: Pairs } | { tag: "challenge"; val: Challenge } | { tag: "deny"; val: Rejection } | { tag: "pass" };
export interface AuthorizerAnswer { verdict: Verdict; why: string; attrs: Pairs }

// Escalation.
export interface Contact {
  id: string; name: string; role: string; groups: string[]; address: string; language: string; priority: number; attrs: Pairs;
}
export type PageOutcome =
  | "placed" | "ringing" | "answered" | "played" | "acknowledged" | "declined" | "voicemail" | "no-answer" | "busy"
  | "failed" | "cancelled" | "unknown";
export interface PageAttempt {
  number: number; contact: string; provider: string; startedMs: bigint; endedMs?: bigint; outcome: PageOutcome; attrs: Pairs;
}
export interface Incident {
  id: string; severity: string; summary: string; text: string; openedMs: bigint; contacts: Contact[];
  providers: { name: string; kind: string; healthy: boolean; attrs: Pairs }[]; history: PageAttempt[];
  timers: { name: string; dueMs: bigint }[]; success: "acknowledged" | "answered"; attemptsLeft: number; memo: string;
  attrs: Pairs;
}
export type Trigger =
  | { tag: "opened" } | { tag: "attempt-ended"; val: number } | { tag: "timer"; val: string } | { tag: "repeated" }
  | { tag: "intervention"; val: { action: string; by: string; note: string } } | { tag: "resumed" };
export interface EscalationQuestion { incident: Incident; trigger: Trigger; nowMs: bigint; attrs: Pairs }
export type Step =
  | { tag: "page"; val: { contact: string; providers: string[]; say?: string; repeat: number; acknowledgeDigit: string; answerTimeoutMs: number; attrs: Pairs } }
  | { tag: "wait"; val: { timer: string; afterMs: number } } | { tag: "cancel"; val: number } | { tag: "clear"; val: string }
  | { tag: "close"; val: string } | { tag: "give-up"; val: string };
export interface EscalationAnswer { decision: { tag: "steps"; val: Step[] } | { tag: "pass" }; memo: string; why: string; attrs: Pairs }

// Formatting.
export interface Event {
  id: string; kind: string; schema: number; atMs: bigint; callId?: string; incidentId?: string; extensions: string[];
  json: string; attrs: Pairs;
}
export interface FormatQuestion { event: Event; sink: { name: string; kind: string; attrs: Pairs }; nowMs: bigint; attrs: Pairs }
export interface Message { contentType: string; body: Uint8Array; headers: Pairs; attrs: Pairs }
export interface FormatAnswer { decision: { tag: "deliver"; val: Message[] } | { tag: "drop" } | { tag: "pass" }; why: string; attrs: Pairs }

// The host.
export interface Host {
  log(level: "trace" | "debug" | "info" | "warn" | "error", message: string, fields?: Pairs): void;
  lookup(table: string, key: string): string | undefined;
  longestPrefix(table: string, key: string): [string, string] | undefined;
  count(name: string, labels?: Pairs, value?: number): void;
}
/** Authorizers and formatters may wait for a server that the operator allows. */
export interface WebHost extends Host {
  send(request: { method: string; url: string; headers: Pairs; body: Uint8Array; timeoutMs: number }): { status: number; headers: Pairs; body: Uint8Array };
}
