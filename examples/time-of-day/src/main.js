// The component: what the host calls. The plugin itself is in plugin.js.
import { exportRouter } from "../../../sdk/javascript/router.js";
import * as plugin from "./plugin.js";

export const { meta, routing } = exportRouter(plugin);
