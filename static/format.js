// @ts-check
// How figures, tokens and times are written: the same words here as the templates' filters.

/** @import { Interval } from "./types.js" */

const MINUS = "−";

/**
 * A number with a fixed count of decimals and a true minus sign.
 * @param {number} value
 * @param {number} digits
 */
export function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** @param {number | null | undefined} value */
export const nats = (value) => (value == null ? "–" : fixed(value, 3));

/** A change, its sign always shown. @param {number} value @param {number} [digits] */
export function signed(value, digits = 3) {
  const text = fixed(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** @param {number} value */
export const count = (value) => Math.round(value).toLocaleString("en-US");

/** A fraction as a percentage: one decimal, or two significant digits under one percent. @param {number} value */
export function percent(value) {
  const hundred = value * 100;
  if (hundred !== 0 && Math.abs(hundred) < 1e-3) return `${hundred < 0 ? "−" : ""}<0.001%`;
  if (hundred !== 0 && Math.abs(hundred) < 1) return `${Number(hundred.toPrecision(2))}%`;
  return `${hundred.toFixed(1)}%`;
}

/** Two significant digits, for cells with no room. @param {number} value */
export function brief(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 100
      ? size.toFixed(0)
      : size >= 10
        ? size.toFixed(0)
        : size >= 1
          ? size.toFixed(1)
          : size.toFixed(2);
  if (Number(text) === 0) return "0";
  return (value < 0 ? MINUS : "") + text.replace(/^0\./, ".");
}

/** @param {Interval} interval @param {number} [digits] */
export function interval(interval, digits = 3) {
  return `${fixed(interval.value, digits)} [${fixed(interval.low, digits)}, ${fixed(interval.high, digits)}]`;
}

/** A token with its spaces, tabs and newlines made visible. @param {string} token */
export function visible(token) {
  return token.replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "→");
}

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const SITE_WORDS = /** @type {Record<string, string>} */ ({
  "attn.act_in": "attention reads",
  "attn.q": "queries",
  "attn.k": "keys",
  "attn.v": "values",
  "attn.resid_delta": "attention writes",
  "mlp.act_in": "MLP reads",
  "mlp.post_act": "neurons",
  "mlp.resid_delta": "MLP writes",
});

/** The site of a node id without its layer: `3.mlp.post_act:117` -> `mlp.post_act`. @param {string} id */
export const siteOf = (id) => id.replace(/^\d+\./, "").replace(/:.*$/, "");

/** The residual channel that a node reads or writes: its rail; null inside heads and MLPs. @param {string} id */
export const railOf = (id) => (/(act_in|resid_delta|^embed):/.test(id) ? Number(id.split(":")[1]) : null);

/** @param {string} site without a layer */
export const siteWords = (site) => SITE_WORDS[site] ?? site;

const ROLE = /** @type {Record<string, string>} */ ({
  "attn.act_in": "channel {i}, read by attention",
  "attn.q": "query channel {c} of head {h}",
  "attn.k": "key channel {c} of head {h}",
  "attn.v": "value channel {c} of head {h}",
  "attn.resid_delta": "channel {i}, written by attention",
  "mlp.act_in": "channel {i}, read by the MLP",
  "mlp.post_act": "neuron {i} of the MLP",
  "mlp.resid_delta": "channel {i}, written by the MLP",
});

/**
 * What a node is, in words: `layer 3, neuron 117 of the MLP`.
 * @param {{ id: string, layer: number, index: number, head: number | null,
 *   channel: number | null, label: string }} node
 */
export function nodeWords(node) {
  const pattern = ROLE[siteOf(node.id)];
  if (!pattern) return `layer ${node.layer}, ${node.label}`;
  const channel = String(node.channel ?? node.index);
  const words = pattern
    .replace("{i}", String(node.index))
    .replace("{c}", channel)
    .replace("{h}", String(node.head ?? "?"));
  return `layer ${node.layer}, ${words}`;
}
