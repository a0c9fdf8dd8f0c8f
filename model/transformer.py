"""The transformer: a GPT-2-style decoder with the release's options; one `tap` records and edits.

Numbers in the order in which they happen (paper section 2.1; names are the release's):
`l.resid_in`, `l.attn.act_in`, `l.attn.q|k|v`, `l.attn.y`, `l.attn.resid_delta`, `l.resid_mid`,
`l.mlp.act_in`, `l.mlp.post_act`, `l.mlp.resid_delta`, and `final_resid` at the end. Besides these a tap sees what
each matrix gives before anything else is done to it, by the matrix's name: `l.attn.c_attn`, `l.mlp.c_proj`, ...
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.config import ModelConfig
from model.errors import InputError

#: Called at every named activation with its name and value; what it returns is used from there on.
Tap = Callable[[str, Tensor], Tensor]


def unchanged(site: str, x: Tensor) -> Tensor:
    """The tap that looks at nothing."""
    return x


@runtime_checkable
class Narrowable(Protocol):
    """A tap that can also do its work at one token of each prompt alone, where no other is looked at any more."""

    def __call__(self, site: str, x: Tensor) -> Tensor: ...

    def narrowed(self, at: Int[Tensor, " batch"]) -> Tap:
        """The tap for activations [batch, 1, width], each prompt's at its own position."""
        ...


@runtime_checkable
class Sited(Protocol):
    """A tap that acts at some sites and lets all others pass: it need not be shown them."""

    sites: frozenset[str]


class Start(NamedTuple):
    """Where a pass begins: before attention of layer `stage / 2` if `stage` is even, else before its MLP."""

    stage: int
    x: Float[Tensor, "batch pos model"]


def abs_topk(x: Float[Tensor, "*shape"], kept: int | None) -> Float[Tensor, "*shape"]:
    """Keep the `kept` entries of largest magnitude in the last dimension, zero the rest; None keeps all."""
    if kept is None or kept >= x.shape[-1]:
        return x
    indices = x.abs().topk(kept, dim=-1, sorted=False).indices
    return torch.zeros_like(x).scatter(-1, indices, x.gather(-1, indices))


class Norm(nn.Module):
    """RMSNorm (no bias) or LayerNorm, over the last dimension."""

    def __init__(self, width: int, rms: bool, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias and not rms else None
        self.rms = rms

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if self.rms:
            return F.rms_norm(x, self.weight.shape, self.weight)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)


class Sink(nn.Module):
    """One learned logit per head that joins the softmax denominator; its value is zero."""

    def __init__(self, n_head: int) -> None:
        super().__init__()
        self.sink_logit = nn.Parameter(torch.zeros(n_head))


class Attention(nn.Module):
    """Causal attention with an optional sink; `c_attn` to q, k, v, `c_proj` back to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.c_attn = nn.Linear(config.d_block_in, 3 * config.d_attn, bias=config.bias)
        self.c_proj = nn.Linear(config.d_attn, config.d_model, bias=config.bias)
        self.attn_imp = Sink(config.n_head) if config.sink else None

    def scores_bias(self, n_pos: int, scores: Float[Tensor, "*shape"]) -> Float[Tensor, "#head query key"]:
        """What is added to the scores: -inf after the query; with a sink, column 0 is the sink's logit."""
        causal = scores.new_full((n_pos, n_pos), -math.inf).triu(1)
        if self.attn_imp is None:
            return causal[None]
        sink = self.attn_imp.sink_logit.to(scores.dtype)[:, None, None].expand(-1, n_pos, 1)
        return torch.cat([sink, causal.expand(sink.shape[0], -1, -1)], dim=-1)

    def forward(self, x: Float[Tensor, "batch pos block_in"], layer: str, tap: Tap) -> Float[Tensor, "batch pos model"]:
        config = self.config
        q, k, v = tap(f"{layer}.attn.c_attn", self.c_attn(x)).split(config.d_attn, dim=-1)
        q = tap(f"{layer}.attn.q", abs_topk(q, config.kept_by_abs_topk("attn_q", config.d_attn)))
        k = tap(f"{layer}.attn.k", abs_topk(k, config.kept_by_abs_topk("attn_k", config.d_attn)))
        v = tap(f"{layer}.attn.v", abs_topk(v, config.kept_by_abs_topk("attn_v", config.d_attn)))
        pattern = self.pattern(q, k)
        y = pattern @ self._heads(v)
        y = tap(f"{layer}.attn.y", y.transpose(1, 2).flatten(2))
        delta = tap(f"{layer}.attn.c_proj", self.c_proj(y))
        return abs_topk(delta, config.kept_by_abs_topk("attn_out", config.d_model))

    def pattern(
        self, q: Float[Tensor, "batch pos attn"], k: Float[Tensor, "batch pos attn"]
    ) -> Float[Tensor, "batch head pos pos"]:
        """Attention pattern; its rows sum to 1 less the sink's share."""
        q, k = self._heads(q), self._heads(k)
        if self.attn_imp is not None:
            k = F.pad(k, (0, 0, 1, 0))  # a zero key: its score is the sink's logit alone
        scores = torch.matmul(q, k.transpose(-1, -2)) * (1 / math.sqrt(self.config.d_head))
        scores = scores + self.scores_bias(q.shape[2], scores)
        pattern = torch.softmax(scores, dim=-1)
        return pattern if self.attn_imp is None else pattern[..., 1:]

    def _heads(self, x: Float[Tensor, "batch pos attn"]) -> Float[Tensor, "batch head pos d_head"]:
        return x.unflatten(-1, (self.config.n_head, self.config.d_head)).transpose(1, 2)


class MLP(nn.Module):
    """`c_fc`, GELU (exact) or ReLU, `c_proj`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.c_fc = nn.Linear(config.d_block_in, config.d_mlp, bias=config.bias)
        self.c_proj = nn.Linear(config.d_mlp, config.d_model, bias=config.bias)

    def forward(self, x: Float[Tensor, "batch pos block_in"], layer: str, tap: Tap) -> Float[Tensor, "batch pos model"]:
        config = self.config
        h = tap(f"{layer}.mlp.c_fc", self.c_fc(x))
        h = F.relu(h) if config.activation_type == "relu" else F.gelu(h)
        h = tap(f"{layer}.mlp.post_act", abs_topk(h, config.kept_by_abs_topk("mlp_neuron", config.d_mlp)))
        delta = tap(f"{layer}.mlp.c_proj", self.c_proj(h))
        return abs_topk(delta, config.kept_by_abs_topk("mlp_out", config.d_model))


class Block(nn.Module):
    """One layer: attention block, then MLP block, each added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.ln_1 = Norm(config.d_model, config.rms_norm, config.ln_bias)
        self.attn = Attention(config)
        self.ln_2 = Norm(config.d_model, config.rms_norm, config.ln_bias)
        self.mlp = MLP(config)
        if config.d_pos_emb:
            self.ln_p1 = Norm(config.d_pos_emb, config.rms_norm, config.ln_bias)
            self.ln_p2 = Norm(config.d_pos_emb, config.rms_norm, config.ln_bias)

    def attend(
        self, x: Float[Tensor, "batch pos model"], positions: Float[Tensor, "pos d_pos"] | None, layer: str, tap: Tap
    ) -> Float[Tensor, "batch pos model"]:
        """The stream after the attention block."""
        config = self.config
        x = tap(f"{layer}.resid_in", x)
        act_in = self._concat(self.ln_1(x), positions, "ln_p1")
        act_in = abs_topk(act_in, config.kept_by_abs_topk("attn_in", config.d_block_in))
        delta = self.attn(tap(f"{layer}.attn.act_in", act_in), layer, tap)
        x = x + tap(f"{layer}.attn.resid_delta", delta)
        return abs_topk(x, config.kept_by_abs_topk("resid_post_attn", config.d_model))

    def transform(
        self, x: Float[Tensor, "batch pos model"], positions: Float[Tensor, "pos d_pos"] | None, layer: str, tap: Tap
    ) -> Float[Tensor, "batch pos model"]:
        """The stream after the MLP block."""
        config = self.config
        x = tap(f"{layer}.resid_mid", x)
        act_in = self._concat(self.ln_2(x), positions, "ln_p2")
        act_in = abs_topk(act_in, config.kept_by_abs_topk("mlp_in", config.d_block_in))
        delta = self.mlp(tap(f"{layer}.mlp.act_in", act_in), layer, tap)
        x = x + tap(f"{layer}.mlp.resid_delta", delta)
        return abs_topk(x, config.kept_by_abs_topk("resid_post_mlp", config.d_model))

    def _concat(self, normed: Tensor, positions: Tensor | None, norm: str) -> Tensor:
        if positions is None:
            return normed
        return torch.cat([normed, getattr(self, norm)(positions).expand(*normed.shape[:-1], -1)], dim=-1)


class Transformer(nn.Module):
    """`logits = model(tokens, tap=...)`; parameters carry the release's names, so its `state_dict` loads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.d_model),
                "h": nn.ModuleList([Block(config) for _ in range(config.n_layer)]),
                "ln_f": Norm(config.d_model, config.rms_norm, config.ln_bias),
            }
        )
        if config.d_pos_emb:
            self.transformer["wpe"] = nn.Embedding(config.block_size, config.d_pos_emb)
        elif config.add_positions:
            self.transformer["wpe"] = nn.Embedding(config.block_size, config.d_model)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied_unembed:
            self.lm_head.weight = self.wte.weight
        if config.enable_bigram_table:
            self.bigram_table = nn.Parameter(torch.zeros(config.vocab_size, config.vocab_size))
        self.register_buffer("final_logits_bias", torch.zeros(config.vocab_size))

    @property
    def wte(self) -> nn.Embedding:
        return cast(nn.Embedding, self.transformer["wte"])

    @property
    def wpe(self) -> nn.Embedding:
        return cast(nn.Embedding, self.transformer["wpe"])

    @property
    def blocks(self) -> list[Block]:
        return list(cast(Iterable[Block], self.transformer["h"]))

    @property
    def ln_f(self) -> Norm:
        return cast(Norm, self.transformer["ln_f"])

    @property
    def device(self) -> torch.device:
        return self.lm_head.weight.device

    def forward(
        self,
        tokens: Int[Tensor, "batch pos"],
        *,
        tap: Tap = unchanged,
        at: Int[Tensor, " batch"] | None = None,
        start: Start | None = None,
    ) -> Float[Tensor, "batch *pos vocab"]:
        """Logits in nats; at every position, or with `at` only at one position of each prompt.

        `tap(site, x)` is called at every named activation, `x` of shape [batch, pos, width], and its answer
        takes `x`'s place. With `start` the pass begins there, with what came of the same tokens before.
        Raises InputError for more tokens than the model's context.
        """
        self.check_length(tokens)
        stage, x = start or (0, self.embedded(tokens))
        return self.read_out(tap("final_resid", self.through(x, stage, tap)), tokens, at)

    def check_length(self, tokens: Int[Tensor, "batch pos"]) -> None:
        """Raises InputError for more tokens than the model's context."""
        n_pos = tokens.shape[1]
        if n_pos > self.config.block_size:
            raise InputError(f"the prompt has {n_pos} tokens; this model reads at most {self.config.block_size}")

    def embedded(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos model"]:
        """The residual stream before the first layer."""
        x = self.wte(tokens)
        has_added = self.config.add_positions and not self.config.d_pos_emb
        return x + self.wpe.weight[: tokens.shape[1]] if has_added else x

    def through(self, x: Float[Tensor, "batch pos model"], stage: int, tap: Tap) -> Float[Tensor, "batch pos model"]:
        """The residual stream after the last block, from what it is before block `stage`; a layer has two blocks."""
        positions = self.wpe.weight[: x.shape[1]] if self.config.d_pos_emb else None
        for layer, block in enumerate(self.blocks):
            if stage <= 2 * layer:
                x = block.attend(x, positions, str(layer), tap)
            if stage <= 2 * layer + 1:
                x = block.transform(x, positions, str(layer), tap)
        return x

    def read_out(
        self, x: Float[Tensor, "batch pos model"], tokens: Int[Tensor, "batch pos"], at: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch *pos vocab"]:
        """Logits from the last residual stream."""
        last = tokens
        if at is not None:
            rows = torch.arange(len(tokens), device=tokens.device)
            x, last = x[rows, at], tokens[rows, at]
        logits = self.lm_head(self.ln_f(x)) + self.final_logits_bias
        if self.config.enable_bigram_table:
            logits = logits + F.embedding(last, self.bigram_table)
        return logits
