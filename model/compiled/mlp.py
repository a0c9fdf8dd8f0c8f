"""A compiled MLP block: kept neurons from kept channels, kept deltas from kept neurons, all else folded."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from model.compiled.nodes import Gates, Kept, Values, column
from model.compiled.stream import Reader, State, Stream
from model.compiled.topk import Rest, gated
from model.compiled.weights import Wiring
from model.means import Means
from model.parts import part_of
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
        config = mlp.config
        self.reader, self.neurons, self.deltas = reader, neurons, deltas
        self.activation = F.relu if config.activation_type == "relu" else F.gelu
        read = reader.kept.indices
        self.weight_in = wiring.between(f"{layer}.mlp.act_in", f"{layer}.mlp.post_act", reader.kept, neurons)
        self.weight_out = wiring.between(f"{layer}.mlp.post_act", f"{layer}.mlp.resid_delta", neurons, deltas)
        self.base_in, self.rest_in = self._rows(
            f"{layer}.mlp.post_act", mlp.c_fc, neurons, read, means[f"{layer}.mlp.act_in"],
            config.kept_by_abs_topk("mlp_neuron", config.d_mlp), self.activation,
        )  # fmt: skip
        self.base_out, self.rest_out = self._rows(
            f"{layer}.mlp.resid_delta", mlp.c_proj, deltas, neurons.indices, means[f"{layer}.mlp.post_act"],
            config.kept_by_abs_topk("mlp_out", config.d_model),
        )  # fmt: skip
        self.channels = stream.place[deltas.indices]

    def _rows(
        self,
        name: str,
        linear: nn.Linear,
        kept: Kept,
        sources: Tensor,
        mean: Tensor,
        kept_by: int | None,
        activation: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> tuple[Values, Rest | None]:
        """What the kept rows of a matrix give where all that they read is at its mean; the other rows for AbsTopK."""
        weight = part_of(linear)
        if kept_by is None:
            return column(weight.rows(kept.indices).at_mean(mean)), None
        base = self.reader.stream.tables.value(name, lambda: weight.at_mean(mean))
        return column(base[kept.indices]), Rest(kept_by, kept, weight.columns(sources), base, activation)

    def run(self, state: State, gates: Gates) -> State:
        h, read = self.base_in, None
        if len(self.reader.kept):
            read = self.reader.read(state, gates)
            h = self.weight_in.times(read, gates) + h
        h = self.activation(h)
        if self.rest_in is not None:
            h = self.rest_in.leave(h, read)
        neurons = gated(h, self.neurons, gates)
        deltas = self.weight_out.times(neurons, gates) + self.base_out
        if self.rest_out is not None:
            deltas = self.rest_out.leave(deltas, neurons)
        state.add(self.channels, gated(deltas, self.deltas, gates))
        return state
