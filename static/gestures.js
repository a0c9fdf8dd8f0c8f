// @ts-check
// What hands do on the graph: drag pans, shift-drag draws a box, wheel and pinch zoom, a tap picks. It knows no circuit.

/** @typedef {{ x: number, y: number }} Spot pixels from the plot's top left */
/** @typedef {{ x0: number, y0: number, x1: number, y1: number }} Box */

/**
 * @typedef {object} Hands
 * @property {(spot: Spot) => void} onHover
 * @property {() => void} onLeave
 * @property {(spot: Spot, add: boolean) => void} onTap
 * @property {(dx: number, dy: number) => void} onPan
 * @property {(factor: number, at: Spot) => boolean} onZoom whether anything changed
 * @property {(box: Box | null, done: boolean, add: boolean) => void} onBox
 * @property {() => void} onEnd of a pan or a pinch
 * @property {() => { l: number, t: number }} margins of the plot inside the element
 */

const SLOP_PX = 4;

/** @param {HTMLElement} element @param {Hands} hands */
export function listenToHands(element, hands) {
  const pointers = /** @type {Map<number, Spot>} */ (new Map());
  /** Fingers that came down on a control: alone they press it, with another they pinch. */
  const held = /** @type {Map<number, Spot>} */ (new Map());
  let first = /** @type {Spot | null} */ (null);
  let doing = /** @type {"nothing" | "press" | "pan" | "box" | "pinch"} */ ("nothing");

  /** @param {MouseEvent} event @returns {Spot} */
  const spotOf = (event) => {
    const box = element.getBoundingClientRect();
    const margin = hands.margins();
    return { x: event.clientX - box.left - margin.l, y: event.clientY - box.top - margin.t };
  };
  const isControl = (/** @type {Event} */ event) =>
    event.target instanceof Element && event.target.closest("button, .minimap") !== null;

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && (isControl(event) || event.button !== 0)) return;
    if (isControl(event) && pointers.size + held.size === 0) {
      held.set(event.pointerId, spotOf(event));
      return;
    }
    for (const [id, spot] of held) pointers.set(id, spot);
    held.clear();
    pointers.set(event.pointerId, spotOf(event));
    if (pointers.size === 1) doing = "press";
    else doing = "pinch";
    first ??= spotOf(event);
  });

  element.addEventListener("pointermove", (event) => {
    const spot = spotOf(event);
    const last = pointers.get(event.pointerId);
    if (!last || !first) {
      if (event.pointerType === "mouse" && !isControl(event)) hands.onHover(spot);
      return;
    }
    if (doing === "press" && Math.hypot(spot.x - first.x, spot.y - first.y) > SLOP_PX) {
      doing = event.shiftKey ? "box" : "pan";
      element.setPointerCapture(event.pointerId);
      element.dataset.doing = doing;
      hands.onLeave();
    }
    if (doing === "pinch") {
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
      const other = others[0] ?? spot;
      const apart = (/** @type {Spot} */ one) => Math.max(20, Math.hypot(one.x - other.x, one.y - other.y));
      const middle = { x: (spot.x + other.x) / 2, y: (spot.y + other.y) / 2 };
      hands.onPan((spot.x - last.x) / 2, (spot.y - last.y) / 2);
      hands.onZoom(apart(last) / apart(spot), middle);
    } else if (doing === "pan") hands.onPan(spot.x - last.x, spot.y - last.y);
    else if (doing === "box")
      hands.onBox({ x0: first.x, y0: first.y, x1: spot.x, y1: spot.y }, false, event.ctrlKey);
    pointers.set(event.pointerId, spot);
  });

  /** @param {PointerEvent} event @param {boolean} done */
  const end = (event, done) => {
    held.delete(event.pointerId);
    if (!pointers.delete(event.pointerId) || !first) return;
    const spot = spotOf(event);
    if (doing === "box")
      hands.onBox(
        done ? { x0: first.x, y0: first.y, x1: spot.x, y1: spot.y } : null,
        true,
        event.ctrlKey || event.metaKey,
      );
    else if (doing === "press" && done) hands.onTap(first, event.ctrlKey || event.metaKey || event.shiftKey);
    else hands.onEnd();
    if (pointers.size > 0) return;
    doing = "nothing";
    first = null;
    delete element.dataset.doing;
  };
  element.addEventListener("pointerup", (event) => end(event, true));
  element.addEventListener("pointercancel", (event) => end(event, false));
  element.addEventListener("pointerleave", () => hands.onLeave());

  element.addEventListener(
    "wheel",
    (event) => {
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        hands.onPan(-(event.deltaX || event.deltaY), 0);
        event.preventDefault();
        return;
      }
      const lines = event.deltaMode === 1 ? 16 : 1;
      const step = Math.max(-80, Math.min(80, event.deltaY * lines)) / (event.ctrlKey ? 120 : 360);
      // Where nothing is left to zoom out of, the wheel scrolls the page.
      if (hands.onZoom(Math.exp(step), spotOf(event)) || event.ctrlKey) event.preventDefault();
    },
    { passive: false },
  );
}
