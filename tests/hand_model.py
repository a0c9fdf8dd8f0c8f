"""A model small enough to work out on paper: one layer, two residual channels, two neurons, no attention to speak of.

Token 1 embeds as (+1, 0), token 2 as (-1, 0). The norms are scaled so that the MLP reads exactly (+1, 0) or (-1, 0)
and the unembedding reads what the residual stream holds. Neuron 0 is relu(+c0), neuron 1 is relu(-c0); they write
+2 and -2 to channel 1. The logit of token 1 is c1, that of token 2 is -c1. So after token 1 the logits are
(+2, -2), a difference of 4 nats; after token 2 they are (-2, +2).
"""

import math

import torch
from torch import Tensor

from model.batch import PairBatch
from model.checkpoint import fingerprint
from model.circuit import Circuit
from model.config import ModelConfig
from model.sites import Node, parse_node
from model.subject import Subject
from model.tokenizer import Tokenizer
from model.transformer import Transformer

CONFIG = ModelConfig(
    n_layer=1, d_model=2, d_mlp=2, n_head=1, d_head=2, vocab_size=3, block_size=8, activation_type="relu",
    bias=True, add_positions=False,
)  # fmt: skip


def hand_model() -> Transformer:
    model = Transformer(CONFIG)
    for parameter in model.parameters():
        parameter.data.zero_()
    block = model.blocks[0]
    model.wte.weight.data = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    block.ln_1.weight.data.fill_(1 / math.sqrt(2))
    block.ln_2.weight.data.fill_(1 / math.sqrt(2))
    block.mlp.c_fc.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    block.mlp.c_proj.weight.data = torch.tensor([[0.0, 0.0], [2.0, -2.0]])
    model.ln_f.weight.data.fill_(math.sqrt(2.5))
    model.lm_head.weight.data = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    return model.eval().requires_grad_(False)


def hand_means() -> dict[str, Tensor]:
    """Means over a corpus in which tokens 1 and 2 are equally frequent."""
    zeros = torch.zeros(2)
    return {
        "0.attn.act_in": zeros, "0.attn.q": zeros, "0.attn.k": zeros, "0.attn.v": zeros,
        "0.attn.resid_delta": zeros, "0.mlp.act_in": zeros, "0.mlp.post_act": torch.tensor([0.5, 0.5]),
        "0.mlp.resid_delta": zeros,
    }  # fmt: skip


def hand_subject() -> Subject:
    """The hand model with its means; its tokeniser is a stranger's, since prompts are given as tokens."""
    model = hand_model()
    tokenizer = Tokenizer.train(["a b c"], 300)
    return Subject("hand", model, tokenizer, hand_means(), fingerprint(model), {}, {})


def hand_batch() -> PairBatch:
    """One pair: token 1, to be followed by token 1; token 2, to be followed by token 2."""
    tokens = torch.tensor([[1], [2]])
    return PairBatch(tokens, torch.tensor([0, 0]), torch.tensor([[1, 2], [2, 1]]))


def nodes(*texts: str) -> list[Node]:
    return [parse_node(text, CONFIG) for text in texts]


def hand_circuit(*texts: str) -> Circuit:
    return Circuit.of(fingerprint(hand_model()), "hand", nodes(*texts))


#: The whole mechanism: the sign is read, two neurons tell it apart, both write channel 1.
WHOLE = ("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.post_act:1", "0.mlp.resid_delta:1")
