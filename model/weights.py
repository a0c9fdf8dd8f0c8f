"""What a model's weights hold: nonzeros by kind of matrix, and its two ends channel by channel."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model.subject import Subject
from model.training.sparsity import sparse_matrices
from model.transformer import Transformer

ChannelSort = Literal["channel", "embed_norm", "unembed_norm", "embed_nonzero", "unembed_nonzero"]


class Kind(NamedTuple):
    """All matrices of one kind, over all layers."""

    kind: str
    n_weights: int
    n_nonzero: int


def count_by_kind(model: Transformer) -> list[Kind]:
    """Nonzeros of the matrices that training holds sparse, in the order of the forward pass; q, k and v apart."""
    parts: dict[str, list[Tensor]] = {
        kind: [] for kind in ("embedding", "query", "key", "value", "attention out", "MLP in", "MLP out", "unembedding")
    }
    for name, weight in sparse_matrices(model).items():
        if name.endswith("attn.c_attn.weight"):
            for kind, part in zip(("query", "key", "value"), weight.chunk(3), strict=True):
                parts[kind].append(part)
        else:
            parts[_kind_of(name)].append(weight)
    return [
        Kind(kind, sum(w.numel() for w in weights), sum(int(w.count_nonzero()) for w in weights))
        for kind, weights in parts.items()
        if weights
    ]


def _kind_of(name: str) -> str:
    kinds = {
        "transformer.wte.weight": "embedding", "lm_head.weight": "unembedding", "attn.c_proj.weight": "attention out",
        "mlp.c_fc.weight": "MLP in", "mlp.c_proj.weight": "MLP out",
    }  # fmt: skip
    return next(kind for end, kind in kinds.items() if name.endswith(end))


@dataclass(frozen=True)
class Ends:
    """The embedding, and the unembedding times the gain of the final norm: what one unit of a channel adds to a logit.

    Only ids that the tokeniser has; a LayerNorm's subtraction of the mean is left out.
    """

    embed: Float[Tensor, "token channel"]
    unembed: Float[Tensor, "token channel"]

    @classmethod
    def of(cls, subject: Subject) -> "Ends":
        model, n_tokens = subject.model, subject.tokenizer.vocab_size
        embed = model.wte.weight[:n_tokens].detach().float().cpu()
        unembed = (model.lm_head.weight * model.ln_f.weight)[:n_tokens].detach().float().cpu()
        return cls(embed, unembed)

    def order(self, sort: ChannelSort, tokens: list[int] | None = None) -> list[int]:
        """Channels, the largest first (`channel`: as they are numbered), only those that one of `tokens` touches."""
        n_channels = self.embed.shape[1]
        if sort == "channel":
            ranked = list(range(n_channels))
        else:
            end = self.embed if sort.startswith("embed") else self.unembed
            size = end.norm(dim=0) if sort.endswith("norm") else end.count_nonzero(dim=0)
            ranked = torch.argsort(size, descending=True, stable=True).tolist()
        if tokens is None:
            return ranked
        touched = self.touched(tokens)
        return [channel for channel in ranked if touched[channel]]

    def touched(self, tokens: list[int]) -> Bool[Tensor, " channel"]:
        """Channels where a token's embedding or unembedding has an entry."""
        return (self.embed[tokens] != 0).any(dim=0) | (self.unembed[tokens] != 0).any(dim=0)


def extremes(weights: Float[Tensor, " token"], n: int, sign: Literal[1, -1]) -> list[tuple[int, float]]:
    """The `n` tokens of the largest weights of one sign: (token, weight), the largest magnitude first."""
    order = torch.argsort(weights, descending=sign == 1, stable=True)[:n].tolist()
    return [(token, float(weights[token])) for token in order if sign * float(weights[token]) > 0]
