"""What comes before a cut in the full model, remembered: passes with cuts start at the first changed block."""

import torch
from jaxtyping import Int
from torch import Tensor

from model.sites import Node
from model.transformer import Start, Transformer

#: Streams are remembered before every block, or before every second, fourth, ... one where all would take more bytes.
MOST_BYTES = 2**28


def stage_of(node: Node, n_layer: int) -> int:
    """The block that a node is in, counted through the model: two to a layer; `final_resid` comes after the last."""
    if node.site == "final_resid":
        return 2 * n_layer
    return 2 * node.layer + node.part.startswith("mlp")


class Prefix:
    """The residual stream of some prompts before the blocks of a model, from one pass; in `share` of the bytes."""

    @torch.no_grad()
    def __init__(self, model: Transformer, tokens: Int[Tensor, "prompt pos"], share: float = 1.0) -> None:
        config = model.config
        n_stages, every = 2 * config.n_layer, 1
        while tokens.numel() * config.d_model * 4 * n_stages // every > share * MOST_BYTES and every < n_stages:
            every *= 2
        self._starts: dict[int, Start] = {}

        def tap(site: str, x: Tensor) -> Tensor:
            layer, _, part = site.partition(".")
            stage = n_stages if site == "final_resid" else 2 * int(layer) + (part == "resid_mid")
            if part in ("resid_in", "resid_mid", "") and stage and stage % every == 0:
                self._starts[stage] = Start(stage, x)
            return x

        model(tokens, at=torch.zeros(len(tokens), dtype=torch.long, device=tokens.device), tap=tap)

    def before(self, stage: int) -> Start | None:
        """Where a pass can begin that changes nothing before block `stage`; None where that is the beginning."""
        reached = [known for known in self._starts if known <= stage]
        return self._starts[max(reached)] if reached else None
