// @ts-check
// The home page: draws the featured circuit; the link works without.

import { drawStill } from "./still.js";

const frame = document.getElementById("featured");
if (frame?.dataset.circuit) await drawStill(frame);
