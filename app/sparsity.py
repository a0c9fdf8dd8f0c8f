"""Neurons and channels of a model as Neuronpedia's sparsity pane asks for them."""

from app.errors import Refusal
from app.library import Library
from app.schemas.sparsity import ChannelConnections, ChannelNeuron, NeuronConnections, SparsityModel, TraceNode
from model.subject import Subject
from model.wired import WAYS, Hop, readers, trace, writers


class Sparsity:
    """Every model of the library, each under its name."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def about(self, name: str) -> SparsityModel:
        config = self.library.subject(name).config
        return SparsityModel(
            status="ok", model=name, num_layers=config.n_layer, mlp_size=config.d_mlp, d_model=config.d_model
        )

    def neuron(self, name: str, layer: int, neuron: int, depth: int, k: int) -> NeuronConnections:
        """Raises a 400 Refusal for a layer or neuron that the model does not have, as the pane expects."""
        subject = self.library.subject(name)
        _check("layer", layer, subject.config.n_layer)
        _check("neuron", neuron, subject.config.d_mlp)
        ahead, behind = (trace(subject.model, layer, neuron, way, depth, k) for way in WAYS)
        return NeuronConnections(
            layer=layer,
            neuron=neuron,
            trace_forward=[_node(hop, forward=True) for hop in ahead],
            trace_backward=[_node(hop, forward=False) for hop in behind],
        )

    def channel(self, name: str, channel: int, k: int) -> ChannelConnections:
        subject: Subject = self.library.subject(name)
        _check("channel", channel, subject.config.d_model)
        by_layer = [
            {
                layer: found
                for layer in range(subject.config.n_layer)
                if (found := ends(subject.model, layer, channel, k))
            }
            for ends in (readers, writers)
        ]
        read, written = (
            {layer: [ChannelNeuron(neuron_id=i, weight=w) for i, w in found] for layer, found in side.items()}
            for side in by_layer
        )
        return ChannelConnections(channel_id=channel, readers_by_layer=read, writers_by_layer=written)


def _check(what: str, value: int, n: int) -> None:
    if not 0 <= value < n:
        raise Refusal(400, f"{what} is {value}; this model has 0 to {n - 1}")


def _node(hop: Hop, *, forward: bool) -> TraceNode:
    beyond = None if hop.beyond is None else [_node(next_, forward=forward) for next_ in hop.beyond]
    return TraceNode(
        layer=hop.layer,
        neuron=hop.neuron,
        read_weight=hop.read_weight,
        via_channel=hop.channel,
        write_weight=hop.write_weight,
        children=beyond if forward else None,
        parents=None if forward else beyond,
    )
