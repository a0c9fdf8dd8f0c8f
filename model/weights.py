"""What a model's weights hold: nonzeros by kind of matrix, and its two ends channel by channel."""

from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model.graph import WEIGHTS, weights_between
from model.subject import Subject
from model.transformer import Transformer

ChannelSort = Literal["channel", "embed_norm", "unembed_norm", "embed_nonzero", "unembed_nonzero"]


class Kind(NamedTuple):
    """All matrices of one kind, over all layers."""

    kind: str
    n_weights: int
    n_nonzero: int


def count_by_kind(model: Transformer) -> list[Kind]:
    """Nonzeros of the matrices that training holds sparse, in the order of the forward pass; q, k and v apart."""
    wte, unembed = model.wte.weight, model.lm_head.weight
    kinds = [Kind("embedding", wte.numel(), int(wte.count_nonzero()))]
    for (source, target), kind in zip(WEIGHTS, _OF_BLOCKS, strict=True):
        parts = [weights_between(model, layer, source, target) for layer in range(model.config.n_layer)]
        kinds.append(Kind(kind, sum(prod(part.shape) for part in parts), sum(part.count() for part in parts)))
    if unembed is not wte:
        kinds.append(Kind("unembedding", unembed.numel(), int(unembed.count_nonzero())))
    return kinds


#: What the matrices of WEIGHTS are called.
_OF_BLOCKS = ("query", "key", "value", "attention out", "MLP in", "MLP out")


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
