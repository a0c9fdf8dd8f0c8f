// @ts-check
// A frame that a circuit's still picture fills, drawn once its data is here, and anew for another theme or size.

import { getCircuit } from "./api.js";
import { fill } from "./dom.js";
import { readPalette } from "./palette.js";
import { thumbnail } from "./thumb.js";

/** @param {HTMLElement} frame with the circuit's id in `data-circuit`; without a picture it is what it was */
export async function drawStill(frame) {
  try {
    const circuit = await getCircuit(frame.dataset.circuit ?? "");
    const render = () =>
      fill(frame, thumbnail(circuit, readPalette(), frame.clientWidth, frame.clientHeight));
    render();
    document.addEventListener("themechange", render);
    new ResizeObserver(render).observe(frame);
  } catch {
    frame.classList.add("unavailable");
  }
}
