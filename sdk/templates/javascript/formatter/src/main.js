// The component: what the host calls. The plugin itself is in plugin.js.
import { exportFormatter } from "../sdk/javascript/formatter.js";
import * as plugin from "./plugin.js";

export const { meta, eventFormatting } = exportFormatter(plugin);
