"""A compiled attention block: kept channels of q, k and v, heads sorted by what their scores depend on.

- keyed: some k is kept, so the pattern depends on content: a softmax over keys. Where nothing kept varies by query,
  the score is the key's alone, and the softmax over a growing prefix is a ratio of two running sums.
- uniform: no k is kept. All keys score alike: y is the running mean of v times the pattern's row sum.

The row sum is 1 without a sink. With one it also carries the heads' mean values: for each head and kept delta
u = c_proj[:, head] @ mean_v. It is a sigmoid of (score - sink + log n) where all keys score alike, and for heads
without a kept q it depends on the number n of visible tokens only.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model.compiled.nodes import Gates, Kept, Values, column, mix, stacked
from model.compiled.stream import Reader, State, Static, Stream, at_position, folded
from model.compiled.topk import Places, Rest, Settled, gated, survivors
from model.compiled.weights import Weights, Wiring
from model.means import Means
from model.transformer import Attention

#: Scores of one head further apart than this would underflow in running sums; they go the general way.
SAFE_RANGE = 60.0


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
        self.scale = 1 / math.sqrt(config.d_head)
        self.sink = None if attention.attn_imp is None else attention.attn_imp.sink_logit.detach().float()

        out = attention.c_proj.weight.detach().float()
        bias: Tensor | None = attention.c_proj.bias
        kept_by = config.kept_by_abs_topk("attn_out", config.d_model)
        if kept_by is None:  # else the rows that are not kept compete with those that are
            out, bias = out[deltas.indices], None if bias is None else bias[deltas.indices]

        def of_heads() -> Tensor:
            return (out * self.means["v"]).unflatten(1, (config.n_head, config.d_head)).sum(dim=2)

        def read() -> Tensor:
            return (out != 0).any(dim=0)

        if kept_by is None:
            by_head, read_v = of_heads(), read()
        else:
            tables = stream.tables
            by_head, read_v = tables.value(f"{layer}.heads", of_heads), tables.value(f"{layer}.read", read)
        chosen = _Chosen(self, qkv, read_v, (by_head != 0).any(dim=0))
        self.q, self.k, self.v = (
            self._rows(wiring, part, every, name, means)
            for name, part, every in zip("qkv", (chosen.q, chosen.k, chosen.v), qkv, strict=True)
        )
        n_keyed_v = chosen.n_keyed_v
        v = chosen.v.indices
        self.keyed = Keyed(self, chosen.keyed.nonzero().flatten(), v[:n_keyed_v], chosen.scaled)
        self.uniform = Uniform(self, v[n_keyed_v:], chosen.scaled & chosen.queried, chosen.queried)
        self.weight_v = wiring.between(f"{layer}.attn.v", f"{layer}.attn.resid_delta", chosen.v, deltas)
        scaled = torch.cat([self.keyed.scaled, self.uniform.scaled])
        base = (torch.zeros(len(out), device=self.device) if bias is None else bias.detach().float())[:, None]
        if self.sink is None:
            base = base + by_head.double().sum(dim=1, keepdim=True).float()
        else:
            settled = (chosen.scaled & ~chosen.keyed & ~chosen.queried).nonzero().flatten()
            base = base + by_head[:, settled] @ self.settled_row_sums(settled)
        #: Deltas where every kept node is at its mean: one column, or with a sink one a position.
        self.contest = None
        if kept_by is not None:
            self.contest = OutContest(kept_by, deltas, out[:, v], by_head[:, scaled], base)
            base, by_head = base[deltas.indices], by_head[deltas.indices]
        self.base, self.weight_scaled = base, by_head[:, scaled]
        self.looks_back = bool(len(chosen.k) or len(v))

    def _rows(self, wiring: Wiring, kept: Kept, every: Kept, name: str, means: Means) -> Rows:
        config = self.config
        of_site = slice("qkv".index(name) * config.d_attn, ("qkv".index(name) + 1) * config.d_attn)
        weight = self.attention.c_attn.weight.detach().float()[of_site]
        bias = None if self.attention.c_attn.bias is None else self.attention.c_attn.bias[of_site]
        mean, read = means[f"{self.layer}.attn.act_in"], self.reader.kept
        kept_by, competing, rest = config.kept_by_abs_topk(f"attn_{name}", config.d_attn), kept, None
        if kept_by is not None:
            competing = kept.followed_by(every.pick(~torch.isin(every.indices, kept.indices)))
            base = self.stream.tables.value(f"{self.layer}.attn.{name}", lambda: folded(weight, bias, mean))
            rest = Rest(kept_by, competing, weight[:, read.indices], base)
            base = base[competing.indices]
        else:
            rows = kept.indices
            base = folded(weight[rows], None if bias is None else bias[rows], mean)
        wires = wiring.between(f"{self.layer}.attn.act_in", f"{self.layer}.attn.{name}", read, competing)
        return Rows(kept, competing, wires, column(base), rest)

    def mean_scores(self) -> Float[Tensor, " head"]:
        """Score of mean q with mean k."""
        product = self.means["q"] * self.means["k"]
        return product.unflatten(0, (self.config.n_head, self.config.d_head)).sum(dim=1) * self.scale

    def settled_row_sums(self, heads: Int[Tensor, " head"]) -> Float[Tensor, "head pos"]:
        """Row sums where neither q nor k is kept, by position: they depend on the number of visible tokens only."""
        assert self.sink is not None
        log_n = torch.arange(1, self.config.block_size + 1, device=self.device).log()
        return torch.sigmoid((self.mean_scores() - self.sink)[heads, None] + log_n)

    def run(self, state: State, gates: Gates, narrow: Static | None) -> State:
        """Writes the deltas; with `narrow` only at its one position of each prompt."""
        read = self.reader.read(state, gates) if len(self.reader.kept) else None
        n_keys = state.static.positions.shape[1]
        k, v = (rows.deviation(read, gates) for rows in (self.k, self.v))
        if narrow is not None:
            state = state.narrowed(narrow)
            read = None if read is None else at_position(read, narrow.positions)
        q = self.q.deviation(read, gates)
        positions = state.static.positions
        parts, sums = [], []
        n_keyed = self.keyed.n_v
        for part, rows in ((self.keyed, v[:n_keyed]), (self.uniform, v[n_keyed:])):
            if len(rows) or len(part.scaled):
                y, row_sums = part.run(q, k, rows, positions, n_keys)
                parts.append(y)
                sums.append(row_sums)
        moved = stacked([part for part in parts if len(part)]) if len(self.v.kept) else None
        scaled = stacked([part for part in sums if len(part)]) if self.weight_scaled.shape[1] else None
        deltas = self.at_mean(self.base, positions)
        if moved is not None:
            deltas = deltas + self.weight_v.times(moved, gates)
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


class OutContest:
    """AbsTopK on what attention adds: the rows that are not kept, by what moves them."""

    def __init__(
        self,
        kept_by: int,
        deltas: Kept,
        weight_v: Float[Tensor, "model v"],
        weight_scaled: Float[Tensor, "model head"],
        base: Float[Tensor, "model place"],
    ) -> None:
        self.kept_by = kept_by
        others = torch.ones(len(base), dtype=torch.bool, device=base.device)
        others[deltas.indices] = False
        moved = (weight_v != 0).any(dim=1) | (weight_scaled != 0).any(dim=1)
        rivals = (others & moved).nonzero().flatten()
        self.weight_v, self.weight_scaled, self.base = weight_v[rivals], weight_scaled[rivals], base[rivals]
        self.settled = base[others & ~moved].abs().t()
        self._sorted: Settled | None = None

    def _settled(self, positions: Int[Tensor, "_prompt pos"]) -> Settled:
        """What no kept node moves, by position; sorted as far as it is asked for."""
        if len(self.settled) == 1:
            self._sorted = self._sorted or Settled(self.settled)
            return self._sorted
        n = int(positions.max()) + 1
        if self._sorted is None or len(self._sorted.table) < n:
            self._sorted = Settled(self.settled[:n])
        return Settled.sorted(self._sorted.table, positions)

    def leave(self, x: Values, moved: Values | None, scaled: Values | None, positions: Tensor) -> Values:
        """The kept deltas where they survive, zero elsewhere."""
        by_position = self.base.shape[1] > 1
        shapes = [part.shape[1:] for part in (moved, scaled) if part is not None]
        if by_position:
            shapes.append(torch.Size([1, *positions.shape]))
        x = x.expand(-1, *torch.broadcast_shapes(x.shape[1:], *shapes))
        magnitudes = x.detach().abs()

        def rivals(places: Places) -> Tensor:
            others = self.base
            if by_position:
                others = Places(*places).of(self.base[:, positions][:, None])
            if moved is not None:
                others = others + self.weight_v @ places.of(moved.detach())
            if scaled is not None:
                others = others + self.weight_scaled @ places.of(scaled.detach())
            return torch.cat([places.of(magnitudes), others.expand(-1, len(places.pos)).abs()])

        return x * survivors(magnitudes, self.kept_by, self._settled(positions), len(x) + len(self.base), rivals)


class Uniform:
    """Heads none of whose k is kept."""

    def __init__(self, block: CompiledAttention, v: Tensor, scaled: Tensor, queried: Tensor) -> None:
        d_head = block.config.d_head
        self.block, self.heads_of_v = block, v // d_head
        self.scaled = scaled.nonzero().flatten()
        self.queried = queried.nonzero().flatten()
        q = block.q.kept.indices
        #: The query's score with the mean key, by head.
        self.alpha = (q[None] // d_head == self.queried[:, None]) * block.means["k"][q] * block.scale
        if block.sink is None:
            return
        place = torch.full((block.config.n_head,), -1, device=block.device)
        place[self.queried] = torch.arange(len(self.queried), device=block.device)
        self.place_of_scaled = place[self.scaled]
        self.place_of_v = place[self.heads_of_v]
        self.table = block.settled_row_sums(self.heads_of_v)
        self.base = column((block.mean_scores() - block.sink)[self.queried])

    def run(
        self, q: Values, k: Values, v: Values, positions: Int[Tensor, "_prompt pos"], n_keys: int
    ) -> tuple[Values, Values]:
        """The moved part of y, and the row sums of `scaled`."""
        y = running_mean(v, positions)
        if self.block.sink is None:
            return y, y[:0]
        log_n = (positions + 1).log()
        row_sums = q.new_zeros(0, 1, 1, 1)
        if len(self.queried):
            row_sums = torch.sigmoid(mix(self.alpha, q) + self.base + log_n)
        if len(v):
            of_v = self.table[:, positions][:, None]
            if len(self.queried) and bool((self.place_of_v >= 0).any()):
                dynamic = row_sums[self.place_of_v.clamp(min=0)]
                of_v = torch.where((self.place_of_v >= 0)[:, None, None, None], dynamic, of_v)
            y = y * of_v
        return y, row_sums[self.place_of_scaled]


def running_mean(v: Values, positions: Int[Tensor, "_prompt pos"]) -> Values:
    """Mean over the visible tokens of each position."""
    if v.shape[3] == 1:
        return v
    n = positions + 1
    if positions.shape == (1, v.shape[3]):
        return v.cumsum(dim=3) / n
    visible = torch.arange(v.shape[3], device=v.device) < n  # one position of each prompt
    return (v * visible).sum(dim=3, keepdim=True) / n


class Keyed:
    """Heads some of whose k are kept; their channels and values padded to one width."""

    def __init__(self, block: CompiledAttention, heads: Tensor, v: Tensor, scaled: Tensor) -> None:
        self.block, self.heads, self.n_v = block, heads, len(v)
        d_head = block.config.d_head
        q, k = block.q.kept.indices, block.k.kept.indices
        place = torch.full((block.config.n_head,), -1, device=block.device)
        place[heads] = torch.arange(len(heads), device=block.device)
        self.k_slots, self.k_width = _slots(place[k // d_head], len(heads))
        self.v_slots, self.v_width = _slots(place[v // d_head], len(heads))
        slots = len(heads) * self.k_width
        mean_q, mean_k = (torch.zeros(slots, device=block.device) for _ in range(2))
        mean_q[self.k_slots], mean_k[self.k_slots] = block.means["q"][k], block.means["k"][k]
        self.mean_q, self.mean_k = column(mean_q * block.scale), column(mean_k)
        # q nodes whose channel has its k kept fill its slot; the others meet a constant key
        slot_of_channel = torch.full((block.config.d_attn,), -1, device=block.device)
        slot_of_channel[k] = self.k_slots
        slot = slot_of_channel[q]
        self.met = (slot >= 0).nonzero().flatten()
        self.met_slots = slot[self.met]
        self.alpha = ((place[q // d_head] == torch.arange(len(heads), device=block.device)[:, None]) & (slot < 0)) * (
            block.means["k"][q] * block.scale
        )
        product = block.means["q"] * block.means["k"]
        product[k] = 0.0
        product = product.unflatten(0, (-1, d_head)).sum(dim=1) * block.scale
        self.key_only = not len(self.met) and not (block.sink is not None and bool((self.alpha != 0).any()))
        if block.sink is not None:
            self.sink = column((block.sink - product)[heads])
        self.scaled = heads[scaled[heads]]
        self.place_of_scaled = place[self.scaled]

    def run(
        self, q: Values, k: Values, v: Values, positions: Int[Tensor, "_prompt pos"], n_keys: int
    ) -> tuple[Values, Values]:
        """The moved part of y, and the row sums of `scaled`."""
        n_heads, (n_variants, n_prompts) = len(self.heads), _spread(q, k, v, positions)
        keys = self._fill(k, self.k_slots, self.k_width) + self.mean_k
        queries = self.mean_q
        if len(self.met):
            filled = q.new_zeros(len(self.mean_q), *q.shape[1:])
            queries = queries + filled.index_add(0, self.met_slots, q[self.met] * self.block.scale)
        sink = None
        if self.block.sink is not None:
            sink = self.sink - mix(self.alpha, q) if self.alpha.any() else self.sink
        values = self._fill(v, self.v_slots, self.v_width)
        keys, queries, values = (x.unflatten(0, (n_heads, -1)) for x in (keys, queries, values))
        y = None
        if self.key_only:
            y = self._running(queries, keys, values, sink, positions, n_keys)
        if y is None:
            y = self._softmax(queries, keys, values, sink, positions, (n_variants, n_prompts, n_keys))
        moved = y[:, :-1].flatten(0, 1)[self.v_slots]
        return moved, y[self.place_of_scaled, -1]

    def _fill(self, x: Values, slots: Int[Tensor, " node"], width: int) -> Values:
        n = len(self.heads) * width
        return x if len(x) == n else x.new_zeros(n, *x.shape[1:]).index_copy(0, slots, x)

    def _running(
        self, queries: Tensor, keys: Tensor, values: Tensor, sink: Tensor | None, positions: Tensor, n_keys: int
    ) -> Tensor | None:
        """[head, value and row sum, variant, prompt, pos] by running sums over keys; None where it could underflow."""
        scores = (queries * keys).sum(dim=1)
        top = scores.amax(dim=-1, keepdim=True)
        if float((top - scores.amin(dim=-1, keepdim=True)).detach().max()) > SAFE_RANGE:
            return None
        if sink is not None:
            top = torch.maximum(top, sink)
            if float((top - scores.amax(dim=-1, keepdim=True)).detach().max()) > SAFE_RANGE:
                return None
        weights = (scores - top).exp()[:, None]
        shape = torch.broadcast_shapes(weights.shape[2:], values.shape[2:], (1, 1, n_keys))
        moved = torch.cat([(weights * values).expand(-1, -1, *shape), weights.expand(-1, -1, *shape)], dim=1)
        if positions.shape == (1, n_keys):
            total = moved.cumsum(dim=-1)
        else:
            visible = torch.arange(n_keys, device=keys.device) <= positions
            total = (moved * visible).sum(dim=-1, keepdim=True)
        share = total[:, -1:]
        return total / (share if sink is None else share + (sink - top).exp()[:, None])

    def _softmax(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        sink: Tensor | None,
        positions: Tensor,
        shape: tuple[int, int, int],
    ) -> Tensor:
        """The same by a softmax over keys; a sink is one more key, of value zero."""
        n_variants, n_prompts, n_keys = shape
        n_queries = positions.shape[1]
        ones = values.new_ones(len(self.heads), 1, 1, 1, 1)
        values = torch.cat([values.expand(-1, -1, n_variants, n_prompts, n_keys),
                            ones.expand(-1, -1, n_variants, n_prompts, n_keys)], dim=1)  # fmt: skip
        keys = keys.expand(-1, -1, n_variants, n_prompts, n_keys)
        queries = queries.expand(-1, -1, n_variants, n_prompts, n_queries)
        visible = torch.arange(n_keys, device=keys.device) <= positions[..., None]  # [prompt or 1, query, key]
        if sink is not None:
            keys, values = F.pad(keys, (1, 0)), F.pad(values, (1, 0))
            at_sink = torch.zeros(n_keys + 1, device=keys.device)
            at_sink[0] = 1.0
            keys = torch.cat([keys, at_sink.expand(len(self.heads), 1, n_variants, n_prompts, -1)], dim=1)
            queries = torch.cat([queries, sink[:, None].expand(-1, 1, n_variants, n_prompts, n_queries)], dim=1)
            visible = F.pad(visible, (1, 0), value=True)
        width = max(keys.shape[1], values.shape[1])  # equal widths take the fused kernel
        ones_at = values.shape[1] - 1
        keys, queries, values = (F.pad(x, (0, 0) * 3 + (0, width - x.shape[1])) for x in (keys, queries, values))
        hidden = torch.zeros(visible.shape, device=keys.device).masked_fill(~visible, -math.inf)

        def laid_out(x: Tensor) -> Tensor:
            return x.permute(2, 3, 0, 4, 1).flatten(0, 1).contiguous()  # [variant * prompt, head, pos, channel]

        mask = hidden[:, None] if len(hidden) == 1 else hidden.repeat(n_variants, 1, 1)[:, None]
        y = F.scaled_dot_product_attention(
            laid_out(queries), laid_out(keys), laid_out(values), attn_mask=mask, scale=1.0
        )  # fmt: skip
        return y[..., : ones_at + 1].unflatten(0, (n_variants, n_prompts)).permute(2, 4, 0, 1, 3)


def _slots(place_of_head: Int[Tensor, " node"], n_heads: int) -> tuple[Int[Tensor, " node"], int]:
    """Where each node goes in a padded [head, slot] table, flattened, and how many slots a head has."""
    if not len(place_of_head):
        return place_of_head, 0
    same = place_of_head[None] == place_of_head[:, None]
    rank = same.tril(-1).sum(dim=1)
    width = int(rank.max()) + 1
    return place_of_head * width + rank, width


def _spread(q: Values, k: Values, v: Values, positions: Tensor) -> tuple[int, int]:
    """Numbers of variants and prompts."""
    shapes = [x.shape[1:3] for x in (q, k, v) if len(x)]
    n_variants, n_prompts = torch.broadcast_shapes(*shapes, (1, len(positions)))
    return n_variants, n_prompts
