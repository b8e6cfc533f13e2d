// A authorizer as a component: what the host calls.
import { absent, ask, host, metaOf } from "./export.js";
import { send } from "cordboard:plugin/http@1.0.0";

/** The host of a plugin that may wait for a server that the operator allows. */
const webHost = { ...host, send };

/** `meta` and `authorization` of a plugin module. */
export const exportAuthorizer = (plugin) => ({
  meta: metaOf(plugin),
  authorization: { authorize: (subject) => ask((config) => plugin.authorize(config, absent(subject), webHost)) },
});
