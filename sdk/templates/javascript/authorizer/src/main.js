// The component: what the host calls. The plugin itself is in plugin.js.
import { exportAuthorizer } from "../sdk/javascript/authorizer.js";
import * as plugin from "./plugin.js";

export const { meta, authorization } = exportAuthorizer(plugin);
