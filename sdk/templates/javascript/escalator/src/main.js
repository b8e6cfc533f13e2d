// The component: what the host calls. The plugin itself is in plugin.js.
import { exportEscalator } from "../sdk/javascript/escalator.js";
import * as plugin from "./plugin.js";

export const { meta, escalation } = exportEscalator(plugin);
