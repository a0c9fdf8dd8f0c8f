"""What comes before a cut in the full model, remembered: passes with cuts start at the first changed block."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.sites import Node
from model.transformer import Narrowable, Start, Tap, Transformer

#: Streams are remembered before every block, or before every second, fourth, ... one where all would take more bytes.
MOST_BYTES = 2**28


def stage_of(node: Node, n_layer: int) -> int:
    """The block that a node is in, counted through the model: two to a layer; `final_resid` comes after the last."""
    if node.site == "final_resid":
        return 2 * n_layer
    return 2 * node.layer + node.part.startswith("mlp")


class Prefix:
    """The residual stream of some prompts before the blocks of a model, from one pass; in `share` of the bytes.

    With `tap` of a pass that is changed so, of which only the answers `at` one token of each prompt are computed.
    """

    @torch.no_grad()
    def __init__(
        self,
        model: Transformer,
        tokens: Int[Tensor, "prompt pos"],
        share: float = 1.0,
        *,
        tap: Narrowable | None = None,
        at: Int[Tensor, " prompt"] | None = None,
        start: Start | None = None,
    ) -> None:
        config = model.config
        n_stages, every = 2 * config.n_layer, 1
        while tokens.numel() * config.d_model * 4 * n_stages // every > share * MOST_BYTES and every < n_stages:
            every *= 2
        self._starts: dict[int, Start] = {}

        def keep(site: str, x: Tensor) -> Tensor:
            layer, _, part = site.partition(".")
            stage = n_stages if site == "final_resid" else 2 * int(layer) + (part == "resid_mid")
            if part in ("resid_in", "resid_mid", "") and stage and stage % every == 0:
                self._starts[stage] = Start(stage, x)
            return x

        if at is None:
            at = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
        watching = keep if tap is None else _Watching(tap, keep)
        #: After the tokens that were asked for.
        self.logits: Float[Tensor, "prompt vocab"] = model(tokens, at=at, tap=watching, start=start)

    def before(self, stage: int) -> Start | None:
        """Where a pass can begin that changes nothing before block `stage`; None where that is the beginning."""
        reached = [known for known in self._starts if known <= stage]
        return self._starts[max(reached)] if reached else None


class _Watching:
    """A tap that does its work and shows what it leaves to another, while all tokens are there."""

    def __init__(self, tap: Narrowable, keep: Tap) -> None:
        self.tap, self.keep = tap, keep

    def __call__(self, site: str, x: Tensor) -> Tensor:
        return self.keep(site, self.tap(site, x))

    def narrowed(self, at: Int[Tensor, " prompt"]) -> Tap:
        return self.tap.narrowed(at)
