"""The same transformer on a CPU, without gradients, at the cost of its nonzero weights."""

from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.config import ModelConfig
from model.sparse.activate import GELU, NONE, RELU, activated
from model.sparse.alone import alone, is_alone
from model.sparse.attend import attended, attended_once
from model.sparse.kernel import NOTHING, array, shared_out, vector
from model.sparse.layers import normed
from model.sparse.matrix import Matrix
from model.sparse.select import keep_largest
from model.sparse.surprise import surprised
from model.transformer import Block, Narrowable, Norm, Sited, Start, Tap, Transformer, unchanged

#: So many numbers of the widest activation are best worked on at once: they stay in the cache.
AT_ONCE = 2**20

NO_ROWS = np.zeros((0, 0), np.float32)

#: Activations as kernels hold them; a tap sees the same memory as [prompt, pos, channel].
Columns = Float[Tensor, "_channel token"]


class SparseTransformer(Transformer):
    """Shares the modules of a transformer and gives what it gives, up to rounding; `tap` works as it does there.

    It answers for the weights as they were when it was made. Where two magnitudes are the same float, AbsTopK may keep
    the other one.
    """

    def __init__(self, model: Transformer) -> None:
        nn.Module.__init__(self)
        self.config = model.config
        for name, module in model.named_children():
            self.add_module(name, module)
        if model.config.enable_bigram_table:
            self.bigram_table = model.bigram_table
        self.register_buffer("final_logits_bias", cast(Tensor, model.final_logits_bias))
        self.layers = [_Layer(block, str(number)) for number, block in enumerate(model.blocks)]
        self.unembedding = Matrix(model.lm_head)
        self._positions = lru_cache(maxsize=16)(self._make_positions)

    @torch.no_grad()
    def forward(
        self,
        tokens: Int[Tensor, "batch pos"],
        *,
        tap: Tap = unchanged,
        at: Int[Tensor, " batch"] | None = None,
        start: Start | None = None,
    ) -> Float[Tensor, "batch *pos vocab"]:
        """As the transformer's; where only one token of each prompt is asked for and the tap allows it, the others end
        with the last layer's keys and values."""
        if at is None or not (tap is unchanged or isinstance(tap, Narrowable)) or tokens.shape[1] < 2:
            return super().forward(tokens, tap=tap, at=at, start=start)
        self.check_length(tokens)
        stage, x = start or (0, self.embedded(tokens))
        narrowed = tap.narrowed(at) if isinstance(tap, Narrowable) else tap
        x = narrowed("final_resid", self._through(x, stage, tap, at, narrowed))
        asked = tokens.gather(1, at[:, None])
        return self.read_out(x, asked, torch.zeros_like(at))

    @torch.no_grad()
    def through(self, x: Float[Tensor, "batch pos model"], stage: int, tap: Tap) -> Float[Tensor, "batch pos model"]:
        return self._through(x, stage, tap, None, tap)

    def _through(
        self,
        x: Float[Tensor, "batch pos model"],
        stage: int,
        tap: Tap,
        at: Int[Tensor, " batch"] | None,
        narrowed: Tap,
    ) -> Float[Tensor, "batch _pos model"]:
        if tap is unchanged and len(x) > 1 and torch.get_num_threads() > 1 and not is_alone():
            return self._by_thread(x, stage, at)
        n_pos, n_prompts, last = x.shape[1], len(x), len(self.layers) - 1
        if tap is unchanged:
            n_prompts = self.prompts_at_once(n_pos)
        parts = []
        for rows in torch.arange(len(x)).split(n_prompts):
            part = x[rows[0] : rows[-1] + 1]
            columns, here = _columns(part), _Tap(tap, n_pos)
            tables = [self._positions(name, n_pos, len(part)) for name in ("ln_p1", "ln_p2")]
            one = None if at is None else _One(_Tap(narrowed, 1), at[rows], n_pos * torch.arange(len(part)) + at[rows])
            for number, layer in enumerate(self.layers):
                asked = one if number == last else None
                if stage <= 2 * number:
                    columns = layer.attend(columns, tables[0][number], here, asked)
                elif asked is not None:
                    columns = columns[:, asked.columns]
                if stage <= 2 * number + 1:
                    if asked is None:
                        columns = layer.transform(columns, tables[1][number], here)
                    else:
                        columns = layer.transform(columns, tables[1][number][:, asked.columns], asked.tap)
            parts.append(columns.t().unflatten(0, (len(part), -1)))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _by_thread(
        self, x: Float[Tensor, "batch pos model"], stage: int, at: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch _pos model"]:
        """The same where nothing is tapped: each thread takes prompts of its own from the first layer to the last."""
        parts: dict[int, Tensor] = {}

        def some(begin: int, end: int) -> None:
            with torch.no_grad(), alone():
                last = None if at is None else at[begin:end]
                parts[begin] = self._through(x[begin:end], stage, unchanged, last, unchanged)

        shared_out(some, len(x))
        return torch.cat([parts[begin] for begin in sorted(parts)])

    def read_out(
        self, x: Float[Tensor, "batch pos model"], tokens: Int[Tensor, "batch pos"], at: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch *pos vocab"]:
        """The same in place: logits of many tokens are the largest of all tensors."""
        last = tokens
        if at is not None:
            rows = torch.arange(len(tokens))
            x, last = x[rows, at], tokens[rows, at]
        logits = self.lm_head(self.ln_f(x)).add_(self.final_logits_bias)
        return logits.add_(F.embedding(last, self.bigram_table)) if self.config.enable_bigram_table else logits

    @torch.no_grad()
    def surprise(
        self, tokens: Int[Tensor, "batch pos"], *, tap: Tap = unchanged, start: Start | None = None
    ) -> Float[Tensor, "batch pos_but_one"]:
        """Cross-entropy of every token but the first, given those before it, nats. The unembedding must be sparse."""
        self.check_length(tokens)
        stage, x = start or (0, self.embedded(tokens))
        columns = _columns(tap("final_resid", self.through(x, stage, tap)))
        normed_columns, norm = torch.empty_like(columns), self.ln_f
        shared_out(
            normed, columns.shape[1], columns.numpy(), array(norm.weight), vector(norm.bias), norm.rms,
            NO_ROWS, -1, normed_columns.numpy(),
        )  # fmt: skip
        table = array(self.bigram_table) if self.config.enable_bigram_table else NO_ROWS
        given, following = tokens.flatten().numpy(), tokens.roll(-1, dims=1).flatten().numpy()
        out = torch.empty(tokens.shape)
        shared_out(
            surprised, tokens.numel(), *self.unembedding.entries, array(cast(Tensor, self.final_logits_bias)), table,
            given, following, normed_columns.numpy(), out.flatten().numpy(),
        )  # fmt: skip
        return out[:, :-1]

    def prompts_at_once(self, n_pos: int) -> int:
        """How many prompts' activations stay in the cache."""
        widest = max(self.config.d_mlp, 3 * self.config.d_attn, self.config.d_model)
        return max(torch.get_num_threads(), AT_ONCE // (n_pos * widest))

    def _make_positions(self, norm: str, n_pos: int, n_prompts: int) -> list[Float[Tensor, "d_pos token"]]:
        """What each layer's norm gives of the positions of so many prompts."""
        if not self.config.d_pos_emb:
            return [torch.empty(0, n_pos * n_prompts)] * len(self.layers)
        rows = self.wpe.weight[:n_pos]
        return [getattr(layer.block, norm)(rows).t().repeat(1, n_prompts) for layer in self.layers]


class _Tap:
    """A tap in the kernels' layout, for prompts of `n_pos` tokens."""

    def __init__(self, tap: Tap, n_pos: int) -> None:
        self.tap, self.n_pos = tap, n_pos
        self.sites = frozenset[str]() if tap is unchanged else tap.sites if isinstance(tap, Sited) else None

    def sees(self, site: str) -> bool:
        return self.sites is None or site in self.sites

    def __call__(self, site: str, x: Columns) -> Columns:
        if not self.sees(site):
            return x
        shown = x.t().unflatten(0, (-1, self.n_pos))
        given = self.tap(site, shown)
        return x if given is shown else _columns(given)


class _One(NamedTuple):
    """The one token of each prompt that is asked for: a tap for these alone, their positions, and their columns."""

    tap: _Tap
    at: Int[Tensor, " prompt"]
    columns: Int[Tensor, " prompt"]


def _columns(x: Float[Tensor, "batch pos _channel"]) -> Columns:
    return x.flatten(0, 1).t().contiguous()


class _Layer:
    """One layer's two blocks; what is done in place is what no tap has seen."""

    def __init__(self, block: Block, number: str) -> None:
        self.block, self.config, self.number = block, block.config, number
        self.c_attn, self.attn_proj = Matrix(block.attn.c_attn), Matrix(block.attn.c_proj)
        self.c_fc, self.mlp_proj = Matrix(block.mlp.c_fc), Matrix(block.mlp.c_proj)
        self.sinks = NOTHING if block.attn.attn_imp is None else array(block.attn.attn_imp.sink_logit)

    def attend(
        self, x: Columns, positions: Columns, tap: _Tap, one: _One | None = None
    ) -> Float[Tensor, "_channel _token"]:
        """The stream after the block; with `one` only its columns."""
        config, part = self.config, f"{self.number}.attn"
        x = tap(f"{self.number}.resid_in", x)
        act_in = tap(f"{part}.act_in", self._normed(x, self.block.ln_1, positions, "attn_in"))
        qkv = tap(f"{part}.c_attn", self.c_attn(act_in)).split(config.d_attn)
        q, k, v = (
            tap(f"{part}.{name}", _selected(rows, config, f"attn_{name}"))
            for name, rows in zip("qkv", qkv, strict=True)
        )
        seen = (k.numpy(), v.numpy(), self.sinks, config.d_head, tap.n_pos)
        n_prompts = x.shape[1] // tap.n_pos
        if one is None:
            y = torch.empty_like(q)
            shared_out(attended, n_prompts, q.numpy(), *seen, y.numpy())
        else:
            q, x, tap = q[:, one.columns], x[:, one.columns], one.tap
            y = torch.empty_like(q)
            shared_out(attended_once, n_prompts, q.numpy(), *seen, one.at.numpy(), y.numpy())
        delta = tap(f"{part}.c_proj", self.attn_proj(tap(f"{part}.y", y)))
        delta = tap(f"{part}.resid_delta", _selected(delta, config, "attn_out"))
        return _selected(x + delta, config, "resid_post_attn")

    def transform(self, x: Columns, positions: Columns, tap: _Tap) -> Columns:
        config, part = self.config, f"{self.number}.mlp"
        x = tap(f"{self.number}.resid_mid", x)
        act_in = tap(f"{part}.act_in", self._normed(x, self.block.ln_2, positions, "mlp_in"))
        pre = tap(f"{part}.c_fc", self.c_fc(act_in))
        kept = config.kept_by_abs_topk("mlp_neuron", config.d_mlp)
        neurons = torch.empty_like(pre) if tap.sees(f"{part}.c_fc") else pre
        which = RELU if config.activation_type == "relu" else GELU
        if kept is None:
            shared_out(activated, x.shape[1], pre.numpy(), which, neurons.numpy())
        else:
            shared_out(keep_largest, x.shape[1], pre.numpy(), neurons.numpy(), kept, which)
        delta = tap(f"{part}.c_proj", self.mlp_proj(tap(f"{part}.post_act", neurons)))
        delta = tap(f"{part}.resid_delta", _selected(delta, config, "mlp_out"))
        return _selected(x + delta, config, "resid_post_mlp")

    def _normed(self, x: Columns, norm: Norm, positions: Columns, loctype: str) -> Columns:
        out = torch.empty(self.config.d_block_in, x.shape[1])
        kept = self.config.kept_by_abs_topk(loctype, self.config.d_block_in)
        shared_out(
            normed, x.shape[1], x.numpy(), array(norm.weight), vector(norm.bias), norm.rms, array(positions),
            -1 if kept is None else kept, out.numpy(),
        )  # fmt: skip
        return out


def _selected(x: Columns, config: ModelConfig, loctype: str) -> Columns:
    """Channels after AbsTopK, if that acts there."""
    kept = config.kept_by_abs_topk(loctype, len(x))
    if kept is None:
        return x
    out = torch.empty_like(x)
    shared_out(keep_largest, x.shape[1], x.numpy(), out.numpy(), kept, NONE)
    return out
