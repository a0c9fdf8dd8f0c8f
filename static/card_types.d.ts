// Short names for the wire types of the card and the trials.

import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Card = Schemas["Card"];
export type CardPart = Schemas["CardPart"];
export type CardJob = Schemas["CardJob"];
export type RandomCircuits = Schemas["RandomCircuits"];
export type Faithfulness = Schemas["Faithfulness"];
export type Failures = Schemas["Failures"];
export type Failure = Schemas["Failure"];
export type StressCurve = Schemas["StressCurve"];
export type LabelProposals = Schemas["LabelProposals"];
export type LabelProposal = Schemas["LabelProposal"];
export type ControlName = Schemas["MissingControl"]["control"];
