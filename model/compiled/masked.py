"""The same answers from the model itself, all but the circuit held at its mean.

For the one thing that cannot be compiled, AbsTopK on the residual stream: there every channel of every token may drop
out depending on what any node writes, so nothing is a constant. And for a circuit that is most of its model, which
costs less so: the model runs by its nonzero weights where these are few.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.batch import PairBatch
from model.calibrate import Calibration
from model.circuit import Edge, Keep
from model.compiled.circuit import CompiledCircuit
from model.compiled.trace import Trace
from model.gate import sever
from model.means import Means
from model.measure import logit_difference, measure
from model.transformer import Tap, Transformer


class MaskedCircuit(CompiledCircuit):
    """A circuit that runs as the masked model does, at the model's cost."""

    def __init__(
        self,
        model: Transformer,
        means: Means,
        keep: Keep,
        cut_edges: Iterable[Edge] = (),
        calibration: Calibration | None = None,
    ) -> None:
        self._enumerate(model, means, keep, cut_edges)
        self.calibration = calibration
        self.means, self.cut_edges = means, tuple(cut_edges)

    def logit_difference(
        self,
        batch: PairBatch,
        gates: Float[Tensor, "*variant node"] | None = None,
        values: Float[Tensor, "node ..."] | None = None,
        *,
        edge_gates: Float[Tensor, "*variant edge"] | None = None,
        edge_offsets: Float[Tensor, " edge"] | None = None,
        since: tuple[Trace, int] | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "*variant prompt"]:
        """The same; always from the beginning."""
        variants = max(
            [len(given) for given in (gates, edge_gates) if given is not None and given.ndim == 2], default=0
        )
        rows = [
            [None if given is None else given[i] if given.ndim == 2 else given for given in (gates, edge_gates)]
            for i in range(max(1, variants))
        ]
        difference = torch.stack([self._difference(batch, g, values, e, edge_offsets) for g, e in rows])
        if not variants:
            difference = difference[0]
        return difference if self.calibration is None else self.calibration(difference)

    def _difference(
        self,
        batch: PairBatch,
        gates: Tensor | None,
        values: Tensor | None,
        edge_gates: Tensor | None,
        edge_offsets: Tensor | None,
    ) -> Float[Tensor, " prompt"]:
        tap = self._tap(gates, values, edge_gates, edge_offsets)
        if torch.is_grad_enabled() or (values is not None and values.ndim > 1):
            return logit_difference(self.model, batch, tap)
        return measure(self.model, batch, tap).logit_diff.to(self.model.device)

    def logits(
        self,
        tokens: Int[Tensor, "prompt pos"],
        at: Int[Tensor, " prompt"] | None = None,
        gates: Float[Tensor, "*variant node"] | None = None,
    ) -> Float[Tensor, "*variants_prompts_pos vocab"]:
        if gates is not None and gates.ndim == 2:
            return torch.stack([self.logits(tokens, at, row) for row in gates])
        return self.model(tokens, at=at, tap=self._tap(gates))

    def _tap(
        self,
        gates: Tensor | None,
        values: Tensor | None = None,
        edge_gates: Tensor | None = None,
        edge_offsets: Tensor | None = None,
    ) -> Tap:
        if gates is None:
            gates = torch.ones(len(self.nodes), device=self.model.device)
        all_of = {site: self._spread(site, gates) for site in self._kept} if values is None else {}

        def tap(site: str, x: Tensor) -> Tensor:
            kept = self._kept.get(site)
            if kept is None:
                return x
            mean = self.means[site].float()
            if values is None:
                gate = all_of[site]
                return x if gate is None else torch.lerp(mean, x.float(), gate)
            gate = gates[kept.numbers]
            left = x[..., kept.indices] * gate + values[kept.numbers].movedim(0, -1) * (1 - gate)
            return mean.expand_as(x).index_copy(-1, kept.indices, left)

        severed = sever(self.cut_edges, self.means, self.model, tap) if self.cut_edges else tap
        if edge_gates is None:
            return severed
        return sever(self.edges, self.means, self.model, severed, edge_gates, edge_offsets)

    def _spread(self, site: str, gates: Float[Tensor, " node"]) -> Float[Tensor, " _width"] | None:
        """The gates of a site's nodes, closed for those that are not kept; None where all are open for good."""
        kept, width = self._kept[site], len(self.means[site])
        gate = gates.new_zeros(width).index_copy(0, kept.indices, gates[kept.numbers])
        return None if not gate.requires_grad and bool((gate == 1).all()) else gate
