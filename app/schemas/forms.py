"""The forms that circuits travel in: a list of them, and what the files of each hold."""

from typing import Any, Literal

from pydantic import Field

from app.schemas.base import Wire

FormName = Literal[
    "sparsescope",
    "attribution-graph",
    "sparse-pretrain",
    "eap-ig",
    "nodes-csv",
    "edges-csv",
    "svg",
    "png",
    "html",
    "python",
]


class FormSummary(Wire):
    """A form that a circuit can be exported in, and whether files of it can be imported."""

    name: FormName
    title: str
    about: str
    file_name: str = Field(description="`{id}` stands for the circuit's id")
    media_type: str
    schema_url: str | None = Field(description="JSON Schema of the files; null where they are no JSON")
    imports: bool


class GraphGenerator(Wire):
    name: str
    version: str


class GraphInfo(Wire):
    description: str = Field(description="what the edges are, and what was left out")
    dropped: list[str]
    generator: GraphGenerator
    create_time_ms: int


class GraphMetadata(Wire):
    slug: str
    scan: str = Field(description="the model's name")
    transcoder_list: list[str]
    prompt_tokens: list[str]
    prompt: str
    schema_version: Literal[1]
    info: GraphInfo


class GraphParameters(Wire):
    """What of the graph is pinned, grouped and clicked when it opens: nothing."""

    pinnedIds: list[str]
    supernodes: list[list[str]]
    linkType: Literal["both"]
    clickedId: str
    sg_pos: str


class GraphNode(Wire):
    node_id: str
    feature: int
    layer: str
    ctx_idx: int
    feature_type: str
    jsNodeId: str
    clerp: str = Field(description="a logit's ends in `(p=0.123)`, the full model's probability")
    token_prob: float = Field(description="a logit's probability; 0 for all other nodes")
    is_target_logit: bool
    influence: None
    activation: None


class GraphLink(Wire):
    source: str
    target: str
    weight: float


class AttributionGraph(Wire):
    """A circuit as Neuronpedia's and circuit-tracer's viewers open it."""

    metadata: GraphMetadata
    qParams: GraphParameters
    nodes: list[GraphNode]
    links: list[GraphLink]


class ReplicationNode(Wire):
    node_id: str = Field(description="layer, location and index, with `_` between them")
    layer: int
    location: str
    index: int
    head_idx: int | None
    head_dim_idx: int | None


class ReplicationEdge(Wire):
    source_id: str
    target_id: str
    weight: float
    edge_type: Literal["W_Q", "W_K", "W_V", "W_O", "W_up", "W_down", "identity", "qk_match"]


class ReplicationMetadata(Wire):
    n_layers: int
    d_model: int
    d_mlp: int
    n_heads: int
    d_head: int
    mask_locations: list[str]


class ReplicationMore(Wire):
    """What the form itself has no place for."""

    format: Literal["sparsescope-sparse_pretrain/1"]
    circuit: str
    model: str
    model_fingerprint: str
    task: str
    calibration: tuple[float, float] | None = Field(description="scale and shift of the logits")
    cut_edges: list[tuple[str, str]]
    final_resid: list[int] | None = Field(None, description="channels that reach the last norm; None: all")
    loss_nats: float
    dropped: list[str]


class ReplicationCircuit(Wire):
    """A circuit as the `sparse_pretrain` replication writes it."""

    nodes: list[ReplicationNode]
    edges: list[ReplicationEdge]
    metadata: ReplicationMetadata
    sparsescope: ReplicationMore


class EapConfig(Wire):
    n_layers: int
    n_heads: int
    parallel_attn_mlp: Literal[False]
    d_model: int


class EapNode(Wire):
    in_graph: bool
    neurons: list[bool] | None = Field(None, description="which residual channels the node writes in the circuit")


class EapEdge(Wire):
    score: float
    in_graph: bool


class EapMore(Wire):
    """What was lost by this form, and what that costs."""

    format: Literal["sparsescope-eap/1"]
    circuit: str
    model: str
    model_fingerprint: str
    task: str
    score: str = Field(description="what an edge's score is")
    loss_nats: float = Field(description="held-out, of the circuit itself")
    collapsed_loss_nats: float | None = Field(
        description="the same pairs with every head and MLP of the graph kept whole, all else at its mean"
    )
    collapsed_loss_interval_nats: tuple[float, float] | None
    full_model_loss_nats: float
    n_pairs: int
    dropped: list[str]


class EapGraph(Wire):
    """A circuit as EAP-IG and the MIB benchmark read it: heads, MLPs, and edges between them."""

    cfg: EapConfig
    nodes: dict[str, EapNode]
    edges: dict[str, EapEdge]
    sparsescope: EapMore


def schema_of(model: type[Wire], url: str) -> dict[str, Any]:
    """JSON Schema of a form's files, under the address at which it is published."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": url, **model.model_json_schema()}
