// A escalator as a component: what the host calls.
import { absent, ask, host, metaOf } from "./export.js";

/** `meta` and `escalation` of a plugin module. */
export const exportEscalator = (plugin) => ({
  meta: metaOf(plugin),
  escalation: { escalate: (question) => ask((config) => plugin.escalate(config, absent(question), host)) },
});
