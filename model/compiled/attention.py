"""A compiled attention block: kept channels of q, k and v, heads sorted by what their scores depend on.

- keyed: some k is kept, so the pattern depends on content: a softmax over keys. Where nothing kept varies by query,
  the score is the key's alone, and the softmax over a growing prefix is a ratio of two running sums.
- uniform: no k is kept. All keys score alike: y is the running mean of v times the pattern's row sum.

The row sum is 1 without a sink. With one it also carries the heads' mean values: for each head and kept delta
u = c_proj[:, head] @ mean_v. It is a sigmoid of (score - sink + log n) where all keys score alike, and for heads
without a kept q it depends on the number n of visible tokens only.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model.compiled.heads import HeadFacts, Keyed, Uniform
from model.compiled.nodes import Gates, Kept, Values, column, mix, stacked
from model.compiled.stream import Reader, State, Static, Stream, at_position
from model.compiled.topk import OutContest, Rest, gated
from model.compiled.weights import Weights, Wiring
from model.means import Means
from model.parts import part_of
from model.transformer import Attention


class Rows(NamedTuple):
    """Kept rows of c_attn: the nodes that matter, then those that only compete under AbsTopK; their weights, and what
    they are where all that they read is at its mean."""

    kept: Kept
    competing: Kept
    weight: Weights
    base: Values
    rest: Rest | None

    def deviation(self, read: Values | None, gates: Gates) -> Values:
        x = self.base if read is None else self.weight.times(read, gates) + self.base
        if self.rest is not None:
            x = self.rest.leave(x, read)[: len(self.kept)]
        return gated(x, self.kept, gates)


class CompiledAttention:
    """`looks_back` is whether it needs the stream at other positions than those that it writes to."""

    def __init__(
        self,
        stream: Stream,
        wiring: Wiring,
        reader: Reader,
        attention: Attention,
        qkv: tuple[Kept, Kept, Kept],
        deltas: Kept,
        means: Means,
        layer: int,
    ) -> None:
        self.stream, self.reader, self.attention, self.layer = stream, reader, attention, layer
        self.config = config = attention.config
        self.device = stream.device
        self.deltas, self.channels = deltas, stream.place[deltas.indices]
        self.means = {name: means[f"{layer}.attn.{name}"].float() for name in "qkv"}
        self.sink = None if attention.attn_imp is None else attention.attn_imp.sink_logit.detach().float()

        out = part_of(attention.c_proj)
        kept_by = config.kept_by_abs_topk("attn_out", config.d_model)
        if kept_by is None:  # else the rows that are not kept compete with those that are
            out = out.rows(deltas.indices)

        def of_heads() -> Tensor:
            return out.by_head(self.means["v"], config.n_head)

        if kept_by is None:
            by_head, read_v = of_heads(), out.is_read()
        else:
            tables = stream.tables
            by_head, read_v = tables.value(f"{layer}.heads", of_heads), tables.value(f"{layer}.read", out.is_read)
        chosen = _Chosen(self, qkv, read_v, (by_head != 0).any(dim=0))
        self.q, self.k, self.v = (
            self._rows(wiring, part, every, name, means)
            for name, part, every in zip("qkv", (chosen.q, chosen.k, chosen.v), qkv, strict=True)
        )
        facts = HeadFacts(config, self.means, self.sink, chosen.q.indices, chosen.k.indices)
        n_keyed_v = chosen.n_keyed_v
        v = chosen.v.indices
        self.keyed = Keyed(facts, chosen.keyed.nonzero().flatten(), v[:n_keyed_v], chosen.scaled)
        self.uniform = Uniform(facts, v[n_keyed_v:], chosen.scaled & chosen.queried, chosen.queried)
        self.weight_v = wiring.between(f"{layer}.attn.v", f"{layer}.attn.resid_delta", chosen.v, deltas)
        scaled = torch.cat([self.keyed.scaled, self.uniform.scaled])
        base = (torch.zeros(out.shape[0], device=self.device) if out.bias is None else out.bias.float())[:, None]
        if self.sink is None:
            base = base + by_head.double().sum(dim=1, keepdim=True).float()
        else:
            settled = (chosen.scaled & ~chosen.keyed & ~chosen.queried).nonzero().flatten()
            base = base + by_head[:, settled] @ facts.settled_row_sums(settled)
        #: Deltas where every kept node is at its mean: one column, or with a sink one a position.
        self.contest = None
        if kept_by is not None:
            self.contest = OutContest(kept_by, deltas, out.columns(v).dense().float(), by_head[:, scaled], base)
            base, by_head = base[deltas.indices], by_head[deltas.indices]
        self.base, self.weight_scaled = base, by_head[:, scaled]
        self.looks_back = bool(len(chosen.k) or len(v))

    def _rows(self, wiring: Wiring, kept: Kept, every: Kept, name: str, means: Means) -> Rows:
        config = self.config
        first = "qkv".index(name) * config.d_attn
        weight = part_of(self.attention.c_attn, first, first + config.d_attn)
        mean, read = means[f"{self.layer}.attn.act_in"], self.reader.kept
        kept_by, competing, rest = config.kept_by_abs_topk(f"attn_{name}", config.d_attn), kept, None
        if kept_by is not None:
            competing = kept.followed_by(every.pick(~torch.isin(every.indices, kept.indices)))
            base = self.stream.tables.value(f"{self.layer}.attn.{name}", lambda: weight.at_mean(mean))
            rest = Rest(kept_by, competing, weight.columns(read.indices), base)
            base = base[competing.indices]
        else:
            base = weight.rows(kept.indices).at_mean(mean)
        wires = wiring.between(f"{self.layer}.attn.act_in", f"{self.layer}.attn.{name}", read, competing)
        return Rows(kept, competing, wires, column(base), rest)

    def run(self, state: State, gates: Gates, narrow: Static | None) -> State:
        """Writes the deltas; with `narrow` only at its one position of each prompt."""
        read = self.reader.read(state, gates) if len(self.reader.kept) else None
        n_keys = state.static.positions.shape[1]
        k, v = (rows.deviation(read, gates) for rows in (self.k, self.v))
        if narrow is not None:
            state, gates = state.narrowed(narrow), gates.narrowed(narrow.positions)
            read = None if read is None else at_position(read, narrow.positions)
        q = self.q.deviation(read, gates)
        positions = state.static.positions
        parts, sums, ones = [], [], []
        n_keyed = self.keyed.n_v
        for part, rows in ((self.keyed, v[:n_keyed]), (self.uniform, v[n_keyed:])):
            if len(rows) or len(part.scaled):
                y, row_sums, of_v = part.run(q, k, rows, positions, n_keys)
                parts.append(y)
                sums.append(row_sums)
                ones.append(of_v)
        moved = stacked([part for part in parts if len(part)]) if len(self.v.kept) else None
        scaled = stacked([part for part in sums if len(part)]) if self.weight_scaled.shape[1] else None
        deltas = self.at_mean(self.base, positions)
        if moved is not None:
            sums_of_v = None if gates.offsets is None else stacked([part for part in ones if len(part)])
            deltas = deltas + self.weight_v.times(moved, gates, sums_of_v)
        if scaled is not None:
            deltas = deltas + mix(self.weight_scaled, scaled)
        if self.contest is not None:
            deltas = self.contest.leave(deltas, moved, scaled, positions)
        state.add(self.channels, gated(deltas, self.deltas, gates))
        return state

    @staticmethod
    def at_mean(base: Float[Tensor, "delta place"], positions: Int[Tensor, "_prompt pos"]) -> Values:
        """Rows of a table by position, or of one column, at some positions."""
        return base[..., None, None] if base.shape[1] == 1 else base[:, positions][:, None]


class _Chosen:
    """Which kept channels matter, and the kinds of heads; v of keyed heads comes first."""

    def __init__(
        self, block: CompiledAttention, qkv: tuple[Kept, Kept, Kept], read: Tensor, by_head_read: Tensor
    ) -> None:
        """`read`: v channels that some delta reads; `by_head_read`: heads whose mean values some delta reads."""
        d_head, n_head = block.config.d_head, block.config.n_head

        def heads_of(kept: Kept) -> Bool[Tensor, " head"]:
            there = torch.zeros(n_head, dtype=torch.bool, device=block.device)
            there[kept.indices // d_head] = True
            return there

        q, k, v = qkv
        v = v.pick(read[v.indices])
        self.scaled = by_head_read if block.sink is not None else torch.zeros_like(by_head_read)
        moving = heads_of(v) | self.scaled
        self.k = k.pick(moving[k.indices // d_head])
        self.keyed = heads_of(self.k)
        self.q = q.pick((moving if block.sink is not None else self.keyed)[q.indices // d_head])
        self.queried = heads_of(self.q) & ~self.keyed
        is_keyed = self.keyed[v.indices // d_head]
        self.v = v.pick(torch.argsort((~is_keyed).long(), stable=True))
        self.n_keyed_v = int(is_keyed.sum())
