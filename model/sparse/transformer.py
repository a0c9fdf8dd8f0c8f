"""The same transformer on a CPU, without gradients, at the cost of its nonzero weights."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.config import ModelConfig
from model.sparse.attend import attended
from model.sparse.kernel import NOTHING, array, over_prompts, vector
from model.sparse.layers import activated, normed
from model.sparse.matrix import Matrix
from model.sparse.select import select
from model.transformer import Block, Norm, Tap, Transformer, unchanged

#: So many numbers of the widest activation are best worked on at once: they stay in the cache.
AT_ONCE = 2**20

#: Activations as kernels hold them; a tap sees them transposed, as [prompt, pos, channel].
Columns = Float[Tensor, "prompt _channel pos"]


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

    @torch.no_grad()
    def through(self, x: Float[Tensor, "batch pos model"], stage: int, tap: Tap) -> Float[Tensor, "batch pos model"]:
        n_pos, n_prompts = x.shape[1], len(x)
        if tap is unchanged:
            n_prompts = self.prompts_at_once(n_pos)
        parts = []
        for part in x.split(n_prompts):
            columns = part.transpose(1, 2).contiguous()
            for number, layer in enumerate(self.layers):
                if stage <= 2 * number:
                    columns = layer.attend(columns, self._positions(n_pos, layer.block, "ln_p1"), tap)
                if stage <= 2 * number + 1:
                    columns = layer.transform(columns, self._positions(n_pos, layer.block, "ln_p2"), tap)
            parts.append(columns)
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).transpose(1, 2)

    def prompts_at_once(self, n_pos: int) -> int:
        """How many prompts' activations stay in the cache."""
        widest = max(self.config.d_mlp, 3 * self.config.d_attn, self.config.d_model)
        return max(torch.get_num_threads(), AT_ONCE // (n_pos * widest))

    def _positions(self, n_pos: int, block: Block, norm: str) -> Float[Tensor, "d_pos pos"]:
        if not self.config.d_pos_emb:
            return torch.empty(0, n_pos)
        return getattr(block, norm)(self.wpe.weight[:n_pos]).t().contiguous()


class _Layer:
    """One layer's two blocks; what is done in place is what no tap has seen."""

    def __init__(self, block: Block, number: str) -> None:
        self.block, self.config, self.number = block, block.config, number
        self.c_attn, self.attn_proj = Matrix(block.attn.c_attn), Matrix(block.attn.c_proj)
        self.c_fc, self.mlp_proj = Matrix(block.mlp.c_fc), Matrix(block.mlp.c_proj)
        self.sinks = NOTHING if block.attn.attn_imp is None else array(block.attn.attn_imp.sink_logit)

    def attend(self, x: Columns, positions: Float[Tensor, "d_pos pos"], tap: Tap) -> Columns:
        config, part = self.config, f"{self.number}.attn"
        x = tapped(tap, f"{self.number}.resid_in", x)
        act_in = tapped(tap, f"{part}.act_in", self._normed(x, self.block.ln_1, positions, "attn_in"))
        qkv = tapped(tap, f"{part}.c_attn", self.c_attn(act_in))
        q, k, v = (
            tapped(tap, f"{part}.{name}", _selected(qkv, i * config.d_attn, config.d_attn, config, f"attn_{name}"))
            for i, name in enumerate("qkv")
        )
        y = torch.empty_like(q)
        over_prompts(attended, len(x), q.numpy(), k.numpy(), v.numpy(), self.sinks, config.d_head, y.numpy())
        delta = tapped(tap, f"{part}.c_proj", self.attn_proj(tapped(tap, f"{part}.y", y)))
        delta = tapped(tap, f"{part}.resid_delta", _selected(delta, 0, config.d_model, config, "attn_out"))
        return _selected(x + delta, 0, config.d_model, config, "resid_post_attn")

    def transform(self, x: Columns, positions: Float[Tensor, "d_pos pos"], tap: Tap) -> Columns:
        config, part = self.config, f"{self.number}.mlp"
        x = tapped(tap, f"{self.number}.resid_mid", x)
        act_in = tapped(tap, f"{part}.act_in", self._normed(x, self.block.ln_2, positions, "mlp_in"))
        pre = tapped(tap, f"{part}.c_fc", self.c_fc(act_in))
        kept = config.kept_by_abs_topk("mlp_neuron", config.d_mlp)
        neurons = pre if tap is unchanged else torch.empty_like(pre)
        relu = config.activation_type == "relu"
        over_prompts(activated, len(x), pre.numpy(), relu, -1 if kept is None else kept, neurons.numpy())
        delta = tapped(tap, f"{part}.c_proj", self.mlp_proj(tapped(tap, f"{part}.post_act", neurons)))
        delta = tapped(tap, f"{part}.resid_delta", _selected(delta, 0, config.d_model, config, "mlp_out"))
        return _selected(x + delta, 0, config.d_model, config, "resid_post_mlp")

    def _normed(self, x: Columns, norm: Norm, positions: Float[Tensor, "d_pos pos"], loctype: str) -> Columns:
        out = torch.empty(len(x), self.config.d_block_in, x.shape[2])
        kept = self.config.kept_by_abs_topk(loctype, self.config.d_block_in)
        over_prompts(
            normed, len(x), x.numpy(), array(norm.weight), vector(norm.bias), norm.rms, array(positions),
            -1 if kept is None else kept, out.numpy(),
        )  # fmt: skip
        return out


def tapped(tap: Tap, site: str, x: Columns) -> Columns:
    """What a tap makes of an activation, in the kernels' layout."""
    if tap is unchanged:
        return x
    return tap(site, x.transpose(1, 2)).transpose(1, 2).contiguous()


def _selected(x: Columns, first: int, width: int, config: ModelConfig, loctype: str) -> Columns:
    """Some channels after AbsTopK, if that acts there; always contiguous, and another tensor unless nothing happens."""
    kept = config.kept_by_abs_topk(loctype, width)
    if kept is None and width == x.shape[1]:
        return x
    out = torch.empty(len(x), width, x.shape[2])
    over_prompts(select, len(x), x.numpy(), out.numpy(), first, width, -1 if kept is None else kept)
    return out
