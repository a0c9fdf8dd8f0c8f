// @ts-check
// The whole picture small, with the part in sight marked on it: shown while some of it is out of sight. Drag to move.

/** @import { Picture, Range } from "./types.js" */
/** @typedef {import("./camera.js").Ranges} Ranges */
import { isPart } from "./camera.js";
import { fill, h, svg } from "./dom.js";
import { box, straight } from "./paths.js";

/**
 * @param {HTMLElement} root
 * @param {(ranges: Ranges) => void} onMove
 */
export function createMinimap(root, onMove) {
  const map = h("div", { class: "minimap", "aria-hidden": "true", "data-testid": "minimap", hidden: true });
  root.append(map);
  let picture = /** @type {Picture | null} */ (null);
  let ranges = /** @type {Ranges | null} */ (null);
  const window = svg("rect", { class: "window" });

  /** @param {Picture} of @param {(id: string) => boolean} isShown */
  function draw(of, isShown) {
    picture = of;
    const [w, tall] = [of.x[1] - of.x[0], of.y[1] - of.y[0]];
    const size = { x: w / 150, y: tall / 100 };
    const dots = [...of.points.values()]
      .filter((p) => p.kind === "group" || isShown(p.id))
      .map((p) => box({ x0: p.x - size.x, x1: p.x + size.x, y0: p.y - size.y, y1: p.y + size.y }));
    const rails = of.rails.map((rail) => straight({ x: rail.x, y: rail.y0 }, { x: rail.x, y: rail.y1 }));
    const flip = `scale(1 -1) translate(0 ${-(of.y[0] + of.y[1])})`;
    fill(
      map,
      svg(
        "svg",
        { viewBox: `${of.x[0]} ${of.y[0]} ${w} ${tall}`, preserveAspectRatio: "none" },
        svg(
          "g",
          { transform: flip },
          svg("path", { class: "rails", d: rails.join("") }),
          svg("path", { class: "dots", d: dots.join("") }),
          window,
        ),
      ),
    );
  }

  /** @param {Ranges} now */
  function show(now) {
    ranges = now;
    if (!picture) return;
    map.hidden = !isPart(now, picture);
    window.setAttribute("x", String(now.x[0]));
    window.setAttribute("y", String(now.y[0]));
    window.setAttribute("width", String(now.x[1] - now.x[0]));
    window.setAttribute("height", String(now.y[1] - now.y[0]));
  }

  /** Put the middle of the window under the pointer. @param {PointerEvent} event */
  function move(event) {
    if (!picture || !ranges) return;
    const frame = map.getBoundingClientRect();
    const part = (/** @type {Range} */ whole, /** @type {Range} */ now, /** @type {number} */ t) => {
      const [middle, half] = [whole[0] + t * (whole[1] - whole[0]), (now[1] - now[0]) / 2];
      return /** @type {Range} */ ([middle - half, middle + half]);
    };
    onMove({
      x: part(picture.x, ranges.x, (event.clientX - frame.left) / frame.width),
      y: part(picture.y, ranges.y, 1 - (event.clientY - frame.top) / frame.height),
    });
  }
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    move(event);
    event.preventDefault();
  });
  map.addEventListener("pointermove", (event) => {
    if (map.hasPointerCapture(event.pointerId)) move(event);
  });
  return { draw, show };
}
