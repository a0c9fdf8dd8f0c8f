// @ts-check
// Elements from code: a tag, its attributes and listeners, its children; and the page's own data.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes] `onclick` and the like take a function; false and null are left out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kept(children.flat()));
  return element;
}

/** @param {Child[]} children @returns {(Node | string)[]} */
const kept = (children) =>
  children.flatMap((child) =>
    child === null || child === undefined || child === false
      ? []
      : [child instanceof Node ? child : String(child)],
  );

/** Replace what an element holds. @param {Element} element @param {...(Child | Child[])} children */
export const fill = (element, ...children) => element.replaceChildren(...kept(children.flat()));

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** An element that the page's template promises. @param {string} id @returns {HTMLElement} */
export function need(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}.`);
  return element;
}

/** The buttons that the template holds back until a script listens: a press before that would be lost. @param {Element} form */
export function arm(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = false;
}

/** The data a page carries in a JSON script element. @param {string} id @returns {any} */
export const pageData = (id) => JSON.parse(need(id).textContent ?? "null");

/** Copy, and say so on the button for a moment. @param {HTMLElement} button @param {string} text */
export async function copyFrom(button, text) {
  const before = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = before;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = copyByHand(text);
  }
  button.style.minWidth = `${button.offsetWidth}px`;
  button.textContent = done ? "Copied" : "Press Ctrl+C";
  setTimeout(() => {
    button.textContent = before;
  }, 1600);
  return done;
}

/** For pages without a secure context, where the clipboard is closed. @param {string} text */
function copyByHand(text) {
  const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** What this browser keeps from visit to visit; null where it keeps nothing. */
export function shelfOf() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** Run a function once its calls have paused. @param {() => void} act @param {number} ms */
export function debounce(act, ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(act, ms);
  };
}
