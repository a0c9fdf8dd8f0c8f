// @ts-check
// What surrounds the traces: axes that name rows and tokens, bands, head boxes, labels that fit.

/** @import { Palette, Picture, Range, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { fade } from "./colour.js";
import { visible } from "./format.js";

const LABEL_PX = 10;
const CHAR_PX = 6.1;

/** @typedef {{ width: number, height: number, x: Range, y: Range }} Window pixels of the plot and the ranges shown */

/** @param {boolean} narrow */
export const marginsOf = (narrow) =>
  narrow ? { l: 62, r: 8, t: 10, b: 78 } : { l: 150, r: 18, t: 12, b: 104 };

/** A row's height that still reads, in pixels. */
export const ROW_PX = 11.4;

/** Node size in pixels for the room of one slot and one row. @param {Window} frame */
export function nodeSizeOf(frame) {
  const slot = frame.width / (frame.x[1] - frame.x[0]);
  const row = frame.height / (frame.y[1] - frame.y[0]);
  return Math.max(4, Math.min(13, 0.72 * slot, 0.62 * row));
}

/** A node's name with what its row and box already say left out. @param {Graph} graph @param {string} id */
export function shortLabel(graph, id) {
  const node = graph.nodes.get(id);
  if (!node) return "";
  return node.channel === null ? String(node.index) : `ch${node.channel}`;
}

/**
 * Labels to the right of their markers, where the next marker of the row leaves room.
 * @param {Graph} graph
 * @param {Picture} picture
 * @param {Window} frame
 * @param {number} nodeSize
 */
export function labelsThatFit(graph, picture, frame, nodeSize) {
  const pxPerSlot = frame.width / (frame.x[1] - frame.x[0]);
  const labels = /** @type {{ id: string, text: string, x: number, y: number }[]} */ ([]);
  if ((frame.height / (frame.y[1] - frame.y[0])) * 0.9 < LABEL_PX) return labels;
  for (const row of picture.rows) {
    const points = row.ids.flatMap((id) => picture.points.get(id) ?? []).sort((a, b) => a.x - b.x);
    points.forEach((point, i) => {
      const text = shortLabel(graph, point.id);
      const next = points[i + 1]?.x ?? frame.x[1] + 0.5;
      const room = (next - point.x) * pxPerSlot - nodeSize * 1.2 - 6;
      if (text && text.length * CHAR_PX <= room) labels.push({ id: point.id, text, x: point.x, y: point.y });
    });
  }
  return labels;
}

/**
 * Tokens under the embedding terminals: the strongest writers first, none closer than a line of text.
 * @param {Graph} graph
 * @param {Picture} picture
 * @param {Window} frame
 * @param {number} nTokens how many tokens a terminal may name
 */
export function embedTicks(graph, picture, frame, nTokens) {
  const pxPerSlot = frame.width / (frame.x[1] - frame.x[0]);
  const ends = [...graph.terminals.values()].filter((end) => end.kind === "embed" && end.tokens.length > 0);
  const weight = (/** @type {typeof ends[number]} */ end) => Math.abs(end.tokens[0]?.weight ?? 0);
  const taken = /** @type {number[]} */ ([]);
  const ticks = /** @type {{ x: number, text: string }[]} */ ([]);
  for (const end of ends.sort((a, b) => weight(b) - weight(a) || a.index - b.index)) {
    const x = picture.points.get(end.id)?.x;
    if (x === undefined || taken.some((other) => Math.abs(other - x) * pxPerSlot < LABEL_PX + 1)) continue;
    taken.push(x);
    ticks.push({ x, text: shortTokens(end.tokens.slice(0, nTokens).map((t) => t.token)) });
  }
  return ticks.sort((a, b) => a.x - b.x);
}

/** @param {string[]} tokens */
function shortTokens(tokens) {
  const text = tokens.map((token) => visible(token).trim()).join("  ");
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}

const html = (/** @type {string} */ text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @param {Picture} picture @param {Palette} palette */
function shapesOf(picture, palette) {
  const bands = picture.layers.map((layer, i) => {
    const above = picture.layers[i + 1]?.y0 ?? layer.y1 + 1.4;
    const below = picture.layers[i - 1]?.y1 ?? layer.y0 - 1.4;
    const [y0, y1] = [(layer.y0 + below) / 2, (layer.y1 + above) / 2];
    const fillcolor = i % 2 ? "rgba(0,0,0,0)" : palette.sunk;
    return {
      type: "rect",
      xref: "paper",
      yref: "y",
      x0: 0,
      x1: 1,
      y0,
      y1,
      fillcolor,
      line: { width: 0 },
      layer: "below",
    };
  });
  const boxes = picture.heads.map((box) => ({
    type: "rect",
    xref: "x",
    yref: "y",
    ...{ x0: box.x0, x1: box.x1, y0: box.y0, y1: box.y1 },
    fillcolor: palette.head,
    line: { width: 1, color: fade(palette.ink3, 0.35) },
    layer: "below",
  }));
  return [...bands, ...boxes];
}

/**
 * The layout object of the picture.
 * @param {Graph} graph
 * @param {Picture} picture
 * @param {View} view
 * @param {Palette} palette
 * @param {Window} frame
 * @param {boolean} narrow
 */
export function figureOf(graph, picture, view, palette, frame, narrow) {
  const ticks = embedTicks(graph, picture, frame, narrow ? 1 : 3);
  const pxPerRow = frame.height / (frame.y[1] - frame.y[0]);
  const rows = picture.rows.filter((row, i) => {
    const below = picture.rows[i - 1];
    return !below || (row.y - below.y) * pxPerRow > 9;
  });
  const axis = { showgrid: false, zeroline: false, showline: false, ticks: "", fixedrange: false };
  return {
    uirevision: "circuit",
    autosize: true,
    margin: marginsOf(narrow),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    hovermode: "closest",
    hoverdistance: 14,
    dragmode: narrow ? false : "pan",
    showlegend: false,
    hoverlabel: {
      bgcolor: palette.ink,
      bordercolor: palette.ink,
      font: { family: palette.font, size: 12, color: palette.paper },
      align: "left",
    },
    xaxis: {
      ...axis,
      range: view.x ?? picture.x,
      tickvals: ticks.map((tick) => tick.x),
      ticktext: ticks.map((tick) => html(tick.text)),
      tickangle: 90,
      tickfont: { family: palette.mono, size: LABEL_PX, color: palette.ink2 },
    },
    yaxis: {
      ...axis,
      range: view.y ?? picture.y,
      tickvals: rows.map((row) => row.y),
      ticktext: rows.map((row) => `${narrow ? row.short : row.words} `),
      tickfont: { size: narrow ? 9 : 11, color: palette.ink2 },
    },
    shapes: shapesOf(picture, palette),
    annotations: [...layerNames(picture, palette, narrow), ...candidates(graph, picture, palette)],
  };
}

/** @param {Picture} picture @param {Palette} palette @param {boolean} narrow */
function layerNames(picture, palette, narrow) {
  return picture.layers.map((layer) => ({
    x: 0,
    xref: "paper",
    xanchor: "center",
    xshift: narrow ? -55 : -138,
    y: (layer.y0 + layer.y1) / 2,
    yref: "y",
    textangle: -90,
    text: `<b>${narrow ? "L" : "Layer "}${layer.layer}</b>`,
    font: { size: 11, color: palette.ink },
    showarrow: false,
  }));
}

/** The candidates' tokens as chips on their logits. @param {Graph} graph @param {Picture} picture @param {Palette} palette */
function candidates(graph, picture, palette) {
  return [...graph.terminals.values()].flatMap((end) => {
    const point = picture.points.get(end.id);
    if (end.kind !== "logit" || !point) return [];
    const chip = {
      bgcolor: palette.surface,
      bordercolor: palette.ink2,
      borderwidth: 1,
      borderpad: 3,
      showarrow: false,
    };
    const text = `<b>${html(visible(end.label))}</b>`;
    return [
      { ...chip, x: point.x, y: point.y, text, font: { family: palette.mono, size: 13, color: palette.ink } },
    ];
  });
}

/** The text traces: labels that fit, those out of focus apart, and the heads' names. @param {Graph} graph @param {Picture} picture @param {Palette} palette @param {Window} frame @param {number} nodeSize @param {Set<string> | null} near */
export function textTraces(graph, picture, palette, frame, nodeSize, near) {
  const text = { type: "scatter", mode: "text", hoverinfo: "skip", showlegend: false };
  const labels = labelsThatFit(graph, picture, frame, nodeSize);
  const gap = "\u00a0".repeat(nodeSize > 9 ? 2 : 1);
  const named = (
    /** @type {string} */ name,
    /** @type {typeof labels} */ some,
    /** @type {string} */ color,
  ) => ({
    ...text,
    name,
    x: some.map((label) => label.x),
    y: some.map((label) => label.y),
    text: some.map((label) => gap + label.text),
    textposition: "middle right",
    textfont: { family: palette.mono, size: LABEL_PX, color },
  });
  const lit = (/** @type {{ id: string }} */ label) => !near || near.has(label.id);
  return [
    named(
      "labels out of focus",
      labels.filter((label) => !lit(label)),
      fade(palette.ink3, 0.35),
    ),
    named("node labels", labels.filter(lit), palette.ink2),
    {
      ...text,
      name: "heads",
      x: picture.heads.map((box) => box.x0),
      y: picture.heads.map((box) => box.y1),
      text: picture.heads.map((box) => `h${box.head}`),
      textposition: "top right",
      textfont: { family: palette.font, size: LABEL_PX, color: palette.ink2 },
    },
  ];
}
