// A router as a component: what the host calls.
import { absent, ask, host, metaOf } from "./export.js";

/** `meta` and `routing` of a plugin module. */
export const exportRouter = (plugin) => ({
  meta: metaOf(plugin),
  routing: { route: (question) => ask((config) => plugin.route(config, absent(question), host)) },
});
