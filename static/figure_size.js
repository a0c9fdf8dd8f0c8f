// @ts-check
// A figure drawn now, and again whenever its width or the theme changes.

/** @param {HTMLElement} element @param {() => void} render */
export function redrawn(element, render) {
  render();
  document.addEventListener("themechange", render);
  let width = element.clientWidth;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    render();
  }).observe(element);
}
