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
export type Annotation = Schemas["Annotation"];
export type AnnotationRequest = Schemas["AnnotationRequest"];
export type NodeGroup = Schemas["NodeGroup"];
export type StoryStep = Schemas["StoryStep"];
export type RunAnswer = Schemas["RunAnswer"];
export type Prediction = Schemas["Prediction"];
export type Job = Schemas["Job"];
export type JobDetail = Schemas["JobDetail"];
export type ReachedSize = Schemas["ReachedSize"];
export type JobLogLine = Schemas["JobLogLine"];
export type JobState = Job["state"];
export type StepEvent = Schemas["StepEvent"];
export type ModelDetail = Schemas["ModelDetail"];
export type TaskSummary = Schemas["TaskSummary"];
export type TaskDetail = Schemas["TaskDetail"];
export type TaskRequest = Schemas["TaskRequest"];
export type ImportCheck = Schemas["ImportCheck"];
export type Imported = Schemas["Imported"];
export type ModelArrival = Schemas["ModelArrival"];
export type TaskCheck = Schemas["TaskCheck"];
export type TaskMeasure = Schemas["TaskMeasure"];
export type PairTokens = Schemas["PairTokens"];
export type ChannelPage = Schemas["ChannelPage"];
export type Channel = Schemas["Channel"];
export type ChannelEnd = Schemas["ChannelEnd"];
export type TrainingPoint = Schemas["TrainingPoint"];
export type Frontier = Schemas["Frontier"];
export type FrontierPoint = Schemas["FrontierPoint"];
export type CircuitSizes = Schemas["CircuitSizes"];
export type MeasuredSize = Schemas["MeasuredSize"];
export type OrderedSize = Schemas["OrderedSize"];
export type CircuitSummary = Schemas["CircuitSummary"];
export type PruneRequest = Schemas["PruneRequest"];
export type ErrorAnswer = Schemas["ErrorAnswer"];

/** A closed interval of one axis. */
export type Range = [number, number];

export type PromptSide = "answer" | "contrast" | "ledger";
export type PanelName = "node" | "cut" | "prompt" | "size" | "prune" | "notes";
/** A section of a panel that folds: of the Node panel, but for `sweep`, which is of the Cut panel. */
export type SectionName = "task" | "response" | "corpus" | "attention" | "notes" | "sweep";

export type TraceDirection = "up" | "down" | "both";

/** Everything a shared link restores. */
export interface View {
  /** The node whose panel is open. */
  node: string | null;
  /** What else is selected: nodes, and ends such as `logit:5`. */
  also: string[];
  /** Nodes, and edges, heads, blocks or layers, that are set to something. */
  cut: string[];
  mode: "mean" | "zero" | "resample" | "value" | "patch" | "steer";
  /** The number of mode value, the t of mode steer; null is the usual one. */
  amount: number | null;
  within: "circuit" | "model";
  /** How many nodes of the pruning order are shown, most wanted first; null shows the circuit itself. */
  size: number | null;
  minWeight: number;
  minEffect: number;
  /** Groups drawn as one: `0` a layer, `0.attn` and `0.mlp` blocks, `0.attn.h7` a head. */
  collapsed: string[];
  trace: TraceDirection;
  /** How far the trace goes; 0 is without end. */
  hops: number;
  x: Range | null;
  y: Range | null;
  prompt: string | null;
  /** What the Prompt panel shows of it. */
  side: PromptSide;
  /** The prompt that it is held against. */
  against: string | null;
  /** Whose nodes the Prompt panel lights. */
  lights: "circuit" | "full_model";
  panel: PanelName | null;
  /** Which sections of panels are unfolded, in the order of SECTIONS. */
  open: readonly SectionName[];
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

/** Nodes drawn as one. */
export interface Group {
  id: string;
  kind: "layer" | "block" | "head";
  layer: number;
  words: string;
  members: string[];
}

/** Lines drawn as one: an edge or a link, or all those that run between the same two things. */
export interface Bundle {
  kind: "edge" | Link["kind"];
  source: string;
  target: string;
  /** The sum of |weight|. */
  total: number;
  /** 1 or -1 where all weights agree, 0 where they do not. */
  sign: -1 | 0 | 1;
  members: (CircuitEdge | Link)[];
}

/** The place of everything, in slots (x) and row heights (y); the pixels are plot.js's affair. */
export interface Picture {
  points: Map<string, Point>;
  rows: Row[];
  rails: Rail[];
  heads: HeadBox[];
  layers: LayerBand[];
  /** Groups drawn as one, by id. */
  groups: Map<string, Group>;
  slots: number;
  x: Range;
  y: Range;
}

/** Pixels of the plot and the ranges shown in them. */
export interface Frame {
  width: number;
  height: number;
  x: Range;
  y: Range;
}

/** One class of lines or outlines of a picture. */
export interface Shape {
  name: string;
  /** SVG path data in the picture's own units. */
  path: string;
  /** Width in pixels; the dash is lengths in pixels, `3 3`. */
  line: { color?: string; width: number; dash?: string };
  /** A colour, or `none`. */
  fill: string;
  opacity: number;
}

/** The colours of the page as CSS strings, read by palette.js from tokens.css. */
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
