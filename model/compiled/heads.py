"""The heads of a compiled attention block, by what their scores depend on: what they move, and their row sums."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.compiled.nodes import Values, column, mix, together
from model.config import ModelConfig
from model.sparse.heads import every_query, one_query
from model.sparse.kernel import Array, array, shared_out

#: Scores of one head further apart than this would underflow in running sums; they go the general way.
SAFE_RANGE = 60.0


@dataclass(frozen=True)
class HeadFacts:
    """Means of q, k and v, the sinks' logits, and the indices of the q and k that are kept and matter."""

    config: ModelConfig
    means: dict[str, Tensor]
    sink: Float[Tensor, " head"] | None
    q: Int[Tensor, " q"]
    k: Int[Tensor, " k"]

    @property
    def device(self) -> torch.device:
        return self.q.device

    @property
    def scale(self) -> float:
        return 1 / math.sqrt(self.config.d_head)

    def mean_scores(self) -> Float[Tensor, " head"]:
        """Score of mean q with mean k."""
        product = self.means["q"] * self.means["k"]
        return product.unflatten(0, (self.config.n_head, self.config.d_head)).sum(dim=1) * self.scale

    def settled_row_sums(self, heads: Int[Tensor, " head"]) -> Float[Tensor, "head pos"]:
        """Row sums where neither q nor k is kept, by position: they depend on the number of visible tokens only."""
        assert self.sink is not None
        log_n = torch.arange(1, self.config.block_size + 1, device=self.device).log()
        return torch.sigmoid((self.mean_scores() - self.sink)[heads, None] + log_n)


class Uniform:
    """Heads none of whose k is kept."""

    def __init__(self, block: HeadFacts, v: Tensor, scaled: Tensor, queried: Tensor) -> None:
        d_head = block.config.d_head
        self.block, self.heads_of_v = block, v // d_head
        self.scaled = scaled.nonzero().flatten()
        self.queried = queried.nonzero().flatten()
        q = block.q
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
    ) -> tuple[Values, Values, Values]:
        """The moved part of y, the row sums of `scaled`, and those of each v."""
        y = running_mean(v, positions)
        of_v = v.new_ones(len(v), 1, 1, 1)
        if self.block.sink is None:
            return y, y[:0], of_v
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
        return y, row_sums[self.place_of_scaled], of_v


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

    def __init__(self, block: HeadFacts, heads: Tensor, v: Tensor, scaled: Tensor) -> None:
        self.block, self.heads, self.n_v = block, heads, len(v)
        d_head = block.config.d_head
        q, k = block.q, block.k
        place = torch.full((block.config.n_head,), -1, device=block.device)
        place[heads] = torch.arange(len(heads), device=block.device)
        self.k_slots, self.k_width = _slots(place[k // d_head], len(heads))
        self.place_of_v = place[v // d_head]
        self.v_slots, self.v_width = _slots(self.place_of_v, len(heads))
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
    ) -> tuple[Values, Values, Values]:
        """The moved part of y, the row sums of `scaled`, and those of each v."""
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
        return moved, y[self.place_of_scaled, -1], y[self.place_of_v, -1]

    def _fill(self, x: Values, slots: Int[Tensor, " node"], width: int) -> Values:
        """No nodes vary with nothing, whatever they were taken from."""
        n = len(self.heads) * width
        if not len(x):
            return x.new_zeros(n, 1, 1, 1)
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
        shape = together(weights.shape[2:], values.shape[2:], (1, 1, n_keys))
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
        if queries.device.type == "cpu" and not torch.is_grad_enabled():
            return self._by_kernel(queries, keys, values, sink, positions, shape)
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

    def _by_kernel(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        sink: Tensor | None,
        positions: Tensor,
        shape: tuple[int, int, int],
    ) -> Tensor:
        """The same by a loop over heads and prompts."""
        n_heads, n_keys, n_queries = len(self.heads), shape[2], positions.shape[1]

        def spread(x: Tensor, n_pos: int) -> Array:
            return array(x.expand(*x.shape[:-3], *shape[:2], n_pos).flatten(-3, -2))

        out = torch.empty(n_heads, values.shape[1] + 1, shape[0] * shape[1], n_queries)
        of_head = [spread(queries, n_queries), spread(keys, n_keys), spread(values, n_keys)]
        sinks = np.empty((0, 0, 1), np.float32) if sink is None else spread(sink, n_queries)
        if len(positions) == 1 and n_queries == n_keys:
            flat = (_flat(x) for x in (*of_head, sinks))
            shared_out(every_query, shape[0] * shape[1], *flat, n_keys, out.flatten(2).numpy())
        else:
            at = positions.expand(shape[1], 1).repeat(shape[0], 1).flatten()
            one_query(*of_head, sinks, at.numpy(), out.numpy())
        return out.unflatten(2, shape[:2])


def _flat(x: Array) -> Array:
    """[*, row, pos] as [*, row * pos]; there may be none."""
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


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
    n_variants, n_prompts = together(*shapes, (1, len(positions)))
    return n_variants, n_prompts
