// Short names of the wire types that the Node and Prompt panels read.

import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type NodeOnTask = Schemas["NodeOnTask"];
export type TaskValues = Schemas["TaskValues"];
export type ClassValues = Schemas["ClassValues"];
export type NodeOnCorpus = Schemas["NodeOnCorpus"];
export type NoCorpus = Schemas["NoCorpus"];
export type CorpusRun = Schemas["CorpusRun"];
export type CorpusExample = Schemas["CorpusExample"];
export type NeuronResponse = Schemas["NeuronResponse"];
export type PromptTrace = Schemas["PromptTrace"];
export type Contrast = Schemas["Contrast"];
export type NodeDifference = Schemas["NodeDifference"];
export type Ledger = Schemas["Ledger"];
export type LedgerEntry = Schemas["LedgerEntry"];
export type AttentionAnswer = Schemas["AttentionAnswer"];
export type HeadRun = Schemas["HeadRun"];
export type Sharpness = Schemas["Sharpness"];
export type WhatIf = Schemas["WhatIf"];
export type Prediction = Schemas["Prediction"];

/** The two runs that everything is shown for. */
export type Which = "full_model" | "circuit";
