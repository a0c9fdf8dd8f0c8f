"""What Neuronpedia's sparsity pane asks of a server: names and shapes are its own, so that it can point at ours."""

from pydantic import Field

from app.schemas.base import Wire


class TraceNode(Wire):
    """A neuron reached through a residual channel; forward hops carry `children`, backward ones `parents`."""

    layer: int
    neuron: int
    read_weight: float = Field(description="with which the later neuron reads the channel")
    via_channel: int
    write_weight: float = Field(description="with which the earlier neuron writes it")
    children: list["TraceNode"] | None = None
    parents: list["TraceNode"] | None = None


class NeuronConnections(Wire):
    layer: int
    neuron: int
    trace_forward: list[TraceNode]
    trace_backward: list[TraceNode]


class ChannelNeuron(Wire):
    neuron_id: int
    weight: float


class ChannelConnections(Wire):
    """Neurons that read or write a residual channel; layers without any are left out."""

    channel_id: int
    readers_by_layer: dict[int, list[ChannelNeuron]]
    writers_by_layer: dict[int, list[ChannelNeuron]]


class SparsityModel(Wire):
    """The first thing that is asked: is it there, and how wide."""

    status: str
    model: str
    num_layers: int
    mlp_size: int
    d_model: int
