// @ts-check
// The home page: draws the featured circuit once its data is here; the link works without.

import { getCircuit } from "./api.js";
import { fill } from "./dom.js";
import { readPalette } from "./palette.js";
import { thumbnail } from "./thumb.js";

const frame = document.getElementById("featured");
if (frame?.dataset.circuit) {
  try {
    const circuit = await getCircuit(frame.dataset.circuit);
    const render = () =>
      fill(frame, thumbnail(circuit, readPalette(), frame.clientWidth, frame.clientHeight));
    render();
    document.addEventListener("themechange", render);
    new ResizeObserver(render).observe(frame);
  } catch {
    frame.classList.add("unavailable");
  }
}
