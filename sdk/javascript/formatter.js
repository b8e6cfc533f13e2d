// A formatter as a component: what the host calls.
import { absent, ask, host, metaOf } from "./export.js";
import { send } from "cordboard:plugin/http@1.0.0";

/** The host of a plugin that may wait for a server that the operator allows. */
const webHost = { ...host, send };

/** `meta` and `eventFormatting` of a plugin module. */
export const exportFormatter = (plugin) => ({
  meta: metaOf(plugin),
  eventFormatting: { format: (question) => ask((config) => plugin.format(config, absent(question), webHost)) },
});
