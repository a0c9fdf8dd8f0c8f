// Short names of the wire types that the ablation lab reads.

import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Interplay = Schemas["Interplay"];
export type Steering = Schemas["Steering"];
export type SteerCurve = Schemas["SteerCurve"];
export type SteerControl = Schemas["SteerControl"];
export type Estimate = Schemas["Estimate"];
export type CorpusEffect = Schemas["CorpusEffect"];
export type NoCorpusEffect = Schemas["NoCorpusEffect"];
export type AblationCheck = Schemas["AblationCheck"];
export type Sweep = Schemas["Sweep"];
export type SweepRequest = Schemas["SweepRequest"];
export type Mode = Schemas["Cut"]["mode"] | "value" | "steer";
