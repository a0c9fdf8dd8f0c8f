// Short names for the wire types generated from the OpenAPI document, and the shapes the drawing modules share.

import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type CircuitDetail = Schemas["CircuitDetail"];
export type CircuitNode = Schemas["Node"];
export type CircuitEdge = Schemas["Edge"];
export type Link = Schemas["Link"];
export type Terminal = Schemas["Terminal"];
export type NodeDetail = Schemas["NodeDetail"];
export type PromptActivations = Schemas["PromptActivations"];
export type Weight = Schemas["Weight"];
export type TokenWeight = Schemas["TokenWeight"];
export type Interval = Schemas["Interval"];
export type Measure = Schemas["Measure"];
export type CurvePoint = Schemas["CurvePoint"];
export type Ablation = Schemas["Ablation"];
export type AblationRequest = Schemas["AblationRequest"];
export type ChangedPair = Schemas["ChangedPair"];
export type RunAnswer = Schemas["RunAnswer"];
export type Prediction = Schemas["Prediction"];
export type Job = Schemas["Job"];
export type JobState = Job["state"];
export type StepEvent = Schemas["StepEvent"];
export type ModelDetail = Schemas["ModelDetail"];
export type TaskSummary = Schemas["TaskSummary"];
export type PruneRequest = Schemas["PruneRequest"];
export type ErrorAnswer = Schemas["ErrorAnswer"];

/** A closed interval of one axis. */
export type Range = [number, number];

export type PanelName = "node" | "cut" | "prompt" | "prune";

/** Everything a shared link restores. */
export interface View {
  node: string | null;
  cut: string[];
  mode: "mean" | "zero";
  within: "circuit" | "model";
  minWeight: number;
  x: Range | null;
  y: Range | null;
  prompt: string | null;
  panel: PanelName | null;
}

/** What stands at a place of the picture: a node of the circuit, or one of its ends. */
export interface Point {
  id: string;
  kind: string;
  x: number;
  y: number;
}

/** One horizontal line of nodes: a site of a layer, or the terminals. */
export interface Row {
  kind: string;
  layer: number | null;
  y: number;
  words: string;
  short: string;
  ids: string[];
}

/** A residual channel: one vertical line that its writers and readers stand on. */
export interface Rail {
  channel: number;
  x: number;
  y0: number;
  y1: number;
}

export interface HeadBox {
  layer: number;
  head: number;
  x0: number;
  x1: number;
  y0: number;
  y1: number;
}

export interface LayerBand {
  layer: number;
  y0: number;
  y1: number;
}

/** The place of everything, in slots (x) and row heights (y); the pixels are plot.js's affair. */
export interface Picture {
  points: Map<string, Point>;
  rows: Row[];
  rails: Rail[];
  heads: HeadBox[];
  layers: LayerBand[];
  slots: number;
  x: Range;
  y: Range;
}

/** The colours of the page as CSS strings, read by plot.js from tokens.css. */
export interface Palette {
  paper: string;
  surface: string;
  sunk: string;
  ink: string;
  ink2: string;
  ink3: string;
  rule: string;
  ruleStrong: string;
  accent: string;
  positive: string;
  negative: string;
  neutral: string;
  head: string;
  font: string;
  mono: string;
}
