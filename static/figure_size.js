// @ts-check
// A figure drawn once it comes near the window, and again whenever its width or the theme changes.

/** @param {HTMLElement} element @param {() => void} render */
export function redrawn(element, render) {
  let width = 0;
  const begin = () => {
    document.addEventListener("themechange", render);
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      render();
    }).observe(element);
  };
  const seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      begin();
    },
    { rootMargin: "50%" },
  );
  seen.observe(element);
}
