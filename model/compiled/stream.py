"""The residual stream of a circuit: a part that follows from token and position alone, and what live nodes write to it.

Only two sets of channels are held for each token: those that a kept node writes, and those that a kept node reads and
none writes. The rest enters the norms through sums that are looked up by token. `resid_delta` nodes add how far they
are from their means; the means of all of them are constants, cumulated stage by stage (two stages a layer, then the
final one).
"""

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.circuit import Keep
from model.compiled.nodes import Gates, Kept, Values, column, stacked, together
from model.compiled.tables import tables_of
from model.compiled.topk import Everywhere, Places, Rows, Settled, survivors
from model.means import Means
from model.transformer import Norm, Transformer, abs_topk


class Stream:
    """Tables of what tokens, positions and constants alone put into the stream. Channels: `written`, then `read`."""

    def __init__(self, model: Transformer, means: Means, keep: Keep) -> None:
        config = model.config
        self.model, self.config, self.device = model, config, model.device
        self.tables = tables_of(model, means)
        deltas = [f"{layer}.{part}.resid_delta" for layer in range(config.n_layer) for part in ("attn", "mlp")]
        #: Sum of the means of all deltas before each stage.
        self.constants: Float[Tensor, "stage model"] = torch.stack(
            [torch.zeros(config.d_model, device=self.device), *(means[site].float() for site in deltas)]
        ).cumsum(dim=0)
        written = torch.zeros(config.d_model, dtype=torch.bool, device=self.device)
        read = written.clone()
        for site in deltas:
            written |= keep[site]
            read |= keep[site.replace("resid_delta", "act_in")][: config.d_model]
        self.written = written.nonzero().flatten()
        #: Places among the written channels of those that a node of an earlier stage writes, by stage.
        self.written_before = [
            torch.stack([keep[site] for site in deltas[:stage]]).any(dim=0)[self.written].nonzero().flatten()
            if stage else self.written[:0]
            for stage in range(len(deltas))
        ]  # fmt: skip
        self.read = (read & ~written).nonzero().flatten()
        self.place = torch.full((config.d_model,), -1, device=self.device)
        channels = torch.cat([self.written, self.read])
        self.place[channels] = torch.arange(len(channels), device=self.device)
        self.wte = model.wte.weight.detach().float()
        self.wpe = model.wpe.weight.detach().float() if config.add_positions and not config.d_pos_emb else None
        self.token_rows = self.wte[:, channels].t().contiguous()
        self.position_rows = None if self.wpe is None else self.wpe[:, channels].t().contiguous()
        self._sum_tables(~written)

    def _sum_tables(self, rest: Tensor) -> None:
        """Sums over the channels that no kept node writes, by token, position and stage."""
        rest_of = rest.float()
        constants = self.constants * rest_of
        self.squares = (self.wte.square() @ rest_of) + constants.square().sum(dim=1, keepdim=True)
        self.squares = self.squares + 2 * constants @ self.wte.t()  # [stage, token]
        self.sums = None if self.config.rms_norm else self.wte @ rest_of + constants.sum(dim=1, keepdim=True)
        if self.wpe is not None:
            self.position_squares = self.wpe.square() @ rest_of + 2 * constants @ self.wpe.t()  # [stage, pos]
            self.products = (self.wte * rest_of) @ self.wpe.t()  # [token, pos]
            self.position_sums = self.wpe @ rest_of

    def embedded(
        self, tokens: Int[Tensor, "prompt pos"], positions: Int[Tensor, "_prompt pos"]
    ) -> Float[Tensor, "prompt pos model"]:
        """The whole residual stream before the first layer."""
        x = self.wte[tokens]
        return x if self.wpe is None else x + self.wpe[positions]


class Static:
    """The part of the stream that follows from tokens and positions, for one batch at some of its positions."""

    def __init__(
        self, stream: Stream, tokens: Int[Tensor, "prompt pos"], positions: Int[Tensor, "_prompt pos"]
    ) -> None:
        self.stream, self.tokens, self.positions = stream, tokens, positions
        rows = stream.token_rows[:, None].expand(-1, 1, -1).flatten(1)
        self.rows: Values = rows.index_select(1, tokens.flatten()).view(-1, 1, *tokens.shape)
        if stream.position_rows is not None:
            self.rows = self.rows + stream.position_rows[:, positions][:, None]

    @property
    def written(self) -> Values:
        return self.rows[: len(self.stream.written)]

    def rest_squares(self, stage: int) -> Float[Tensor, "1 prompt pos"]:
        """Sum of squares over the channels that no kept node writes."""
        stream = self.stream
        squares = stream.squares[stage][self.tokens]
        if stream.wpe is not None:
            products = stream.products[self.tokens, self.positions]
            squares = squares + stream.position_squares[stage][self.positions] + 2 * products
        return squares[None]

    def rest_sums(self, stage: int) -> Float[Tensor, "1 prompt pos"]:
        stream = self.stream
        assert stream.sums is not None
        sums = stream.sums[stage][self.tokens]
        return (sums if stream.wpe is None else sums + stream.position_sums[self.positions])[None]

    def settled(self, stage: int, weights: Float[Tensor, " model"]) -> Settled:
        """Magnitudes of all channels, before the norm's factor, if no kept node wrote any, sorted for each token."""
        stream = self.stream

        def magnitudes(tokens: Tensor) -> Tensor:
            return ((stream.wte[tokens] + stream.constants[stage]) * weights).abs()

        return stream.tables.by_token(f"{stage}", len(stream.wte), self.tokens, magnitudes)


class State:
    """The stream at one moment: `x` holds the written channels without the constants."""

    def __init__(self, static: Static, x: Values | None = None) -> None:
        self.static = static
        self.x = static.written if x is None else x
        self._own = False

    def shared(self) -> Values:
        """The written channels as they are now, which others may go on from: they are not changed in place any more."""
        self._own = False
        return self.x

    def add(self, channels: Int[Tensor, " node"], deviation: Values) -> None:
        """Add what nodes write, by places among the written channels."""
        shape = together(self.x.shape[1:], deviation.shape[1:])
        if self.x.shape[1:] != shape:
            self.x, self._own = self.x.expand(-1, *shape).contiguous(), True
        deviation = deviation.expand(-1, *shape)
        if self._own and not torch.is_grad_enabled():
            self.x.index_add_(0, channels, deviation)
        else:
            self.x, self._own = self.x.index_add(0, channels, deviation), True

    def narrowed(self, static: Static) -> "State":
        """The same at one position of each prompt, those of `static`."""
        state = State(static)
        state.x = at_position(self.x, static.positions)
        state._own = self._own or state.x is not self.x
        return state

    def normed(
        self, stage: int, rms: bool
    ) -> tuple[Values, Float[Tensor, "variant prompt pos"] | None, Float[Tensor, "variant prompt pos"]]:
        """Written channels with the constants, the centre (LayerNorm) and the factor of the norm."""
        stream = self.static.stream
        width = stream.config.d_model
        x = self.x + column(stream.constants[stage][stream.written])
        squares = x.square().sum(dim=0) + self.static.rest_squares(stage)
        if rms:
            return x, None, torch.rsqrt(squares / width + torch.finfo(torch.float32).eps)
        centre = (x.sum(dim=0) + self.static.rest_sums(stage)) / width
        return x, centre, torch.rsqrt(squares / width - centre.square() + 1e-5)


def at_position(x: Values, positions: Int[Tensor, "prompt 1"]) -> Values:
    """Values at one position of each prompt; what is the same at all positions stays."""
    if x.shape[3] == 1:
        return x
    prompts = torch.arange(len(positions), device=x.device)
    if x.shape[2] == 1:
        prompts = torch.zeros_like(prompts)
    return x[:, :, prompts, positions[:, 0]][..., None]


class Reader:
    """The kept `act_in` nodes of one block: channels that are written, then those that are not, then positions."""

    def __init__(
        self, stream: Stream, stage: int, kept: Kept, norm: Norm, position_norm: Norm | None, kept_by: int | None
    ) -> None:
        """`kept_by` is how many of the site's values AbsTopK keeps, if it acts there."""
        width = stream.config.d_model
        self.stage, self.stream, self.norm, self.kept_by = stage, stream, norm, kept_by
        of_stream = kept.indices < width
        place = stream.place[kept.indices.clamp(max=width - 1)].where(of_stream, 2**30)
        self.kept = kept = kept.pick(torch.argsort(place, stable=True))
        place = place.sort().values
        self.written = place[place < len(stream.written)]
        self.unwritten = place[(place >= len(stream.written)) & (place < 2**30)]
        channels = kept.indices[: len(self.written) + len(self.unwritten)]
        self.unwritten_constants = column(stream.constants[stage][channels[len(self.written) :]])
        self.rms = norm.rms
        self.weights = norm.weight.detach().float()
        self.weight = column(self.weights[channels])
        self.bias = None if norm.bias is None else column(norm.bias.detach().float()[channels])
        self.position_table: Tensor | None = None
        if position_norm is not None:
            self.position_table = position_norm(stream.model.wpe.weight).detach().float()
            self.position_rows = self.position_table[:, kept.indices[len(channels) :] - width].t()

    def values(self, state: State) -> Values:
        """The nodes' values before any gate."""
        if self.kept_by is not None and not self._by_token:
            return self._whole(state)
        x, centre, factor = state.normed(self.stage, self.rms)
        parts = []
        if len(self.written):
            parts.append(x[self.written])
        if len(self.unwritten):
            parts.append(state.static.rows[self.unwritten] + self.unwritten_constants)
        if self.kept_by is not None:
            # RMSNorm multiplies all channels of a token by one factor, which does not change their order
            plain = stacked(parts) * self.weight
            plain = plain.expand(-1, *together(plain.shape[1:], x.shape[1:]))
            return plain * self._survivors(plain, x, state.static) * factor
        parts = [(part if centre is None else part - centre) * factor for part in parts]
        out = []
        if parts:
            of_stream = stacked(parts) * self.weight
            out.append(of_stream if self.bias is None else of_stream + self.bias)
        if self.position_table is not None and len(self.position_rows):
            out.append(self.position_rows[:, state.static.positions][:, None])
        return stacked(out)

    @cached_property
    def _rivals(self) -> Rows:
        weights = self.weights[self.stream.written[self.stream.written_before[self.stage]]]
        return Rows(weights.diag(), torch.zeros(len(weights), 1, device=weights.device))

    @property
    def _by_token(self) -> bool:
        """Whether the order of what nodes do not write follows from the token alone."""
        return self.rms and self.position_table is None and self.stream.wpe is None

    def _survivors(self, plain: Values, x: Values, static: Static) -> Tensor:
        moved = self.stream.written_before[self.stage]
        written = self.stream.written[moved]
        weights = self.weights[written][:, None]
        now = x.detach()[moved]

        def rivals(places: Places | Everywhere) -> Tensor:
            return (places.of(now) * weights).abs()

        before = static.written[moved] + column(self.stream.constants[self.stage][written])

        def overcounted(places: Places | Everywhere) -> Tensor:
            return (places.of(before) * weights).abs()

        settled = static.settled(self.stage, self.weights)
        assert self.kept_by is not None
        return survivors(
            plain.detach().abs(), self.kept_by, settled, len(written), rivals, overcounted,
            rows=self._rivals, values=now, before=before,
        )  # fmt: skip

    def _whole(self, state: State) -> Values:
        """The same where that order depends on more: every channel is computed."""
        stream, static = self.stream, state.static
        constants = stream.constants[self.stage]
        whole = (stream.embedded(static.tokens, static.positions) + constants).expand(state.x.shape[1], -1, -1, -1)
        x = state.x.expand(-1, *whole.shape[:3]).permute(1, 2, 3, 0) + constants[stream.written]
        whole = self.norm(whole.index_copy(3, stream.written, x))
        if self.position_table is not None:
            of_positions = self.position_table[static.positions].expand(*whole.shape[:3], -1)
            whole = torch.cat([whole, of_positions], dim=-1)
        return abs_topk(whole, self.kept_by)[..., self.kept.indices].permute(3, 0, 1, 2)

    def read(self, state: State, gates: Gates) -> Values:
        """How far the nodes are from their means, gated."""
        return gates.deviation(self.values(state) - column(self.kept.mean), self.kept)
