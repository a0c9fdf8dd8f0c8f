// Names for the wire types of sharing.
import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Citation = Schemas["Citation"];
export type Publication = Schemas["Publication"];
export type PublicationRequest = Schemas["PublicationRequest"];
export type ShortLink = Schemas["ShortLink"];
export type ForkRequest = Schemas["ForkRequest"];
