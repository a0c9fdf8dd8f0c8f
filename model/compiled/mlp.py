"""A compiled MLP block: kept neurons from kept channels, kept deltas from kept neurons, all else folded."""

import torch.nn.functional as F

from model.compiled.nodes import Gates, Kept, column
from model.compiled.stream import Reader, State, Stream, folded
from model.compiled.weights import Wiring
from model.means import Means
from model.transformer import MLP


class CompiledMLP:
    """`looks_back` is whether it needs other positions than its own: never."""

    looks_back = False

    def __init__(
        self,
        stream: Stream,
        wiring: Wiring,
        reader: Reader,
        mlp: MLP,
        neurons: Kept,
        deltas: Kept,
        means: Means,
        layer: int,
    ) -> None:
        self.reader, self.neurons, self.deltas = reader, neurons, deltas
        self.relu = mlp.config.activation_type == "relu"
        rows = mlp.c_fc.weight.detach().float()[neurons.indices]
        bias = None if mlp.c_fc.bias is None else mlp.c_fc.bias[neurons.indices]
        self.weight_in = wiring.between(f"{layer}.mlp.act_in", f"{layer}.mlp.post_act", reader.kept, neurons)
        self.base_in = column(folded(rows, bias, means[f"{layer}.mlp.act_in"]))
        rows = mlp.c_proj.weight.detach().float()[deltas.indices]
        bias = None if mlp.c_proj.bias is None else mlp.c_proj.bias[deltas.indices]
        self.weight_out = wiring.between(f"{layer}.mlp.post_act", f"{layer}.mlp.resid_delta", neurons, deltas)
        self.base_out = column(folded(rows, bias, means[f"{layer}.mlp.post_act"]) - deltas.mean)
        self.channels = stream.place[deltas.indices]

    def run(self, state: State, gates: Gates) -> State:
        h = self.base_in
        if len(self.reader.kept) and len(self.neurons):
            h = self.weight_in.times(self.reader.read(state, gates), gates) + h
        h = F.relu(h) if self.relu else F.gelu(h)
        neurons = gates.deviation(h - column(self.neurons.mean), self.neurons)
        deltas = self.weight_out.times(neurons, gates) + self.base_out
        state.add(self.channels, gates.deviation(deltas, self.deltas))
        return state
