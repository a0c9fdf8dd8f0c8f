"""Text that a model writes itself, token by token: what stands for its training text where no tokeniser reads any."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from model.transformer import Transformer


@torch.no_grad()
def own_windows(
    model: Transformer, n_windows: int, width: int, *, seed: int = 0, on_step: Callable[[int], None] = lambda n: None
) -> Int[Tensor, "window pos"]:
    """Windows sampled at temperature 1 from a first token drawn evenly; on the CPU, the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(model.config.vocab_size, (n_windows, 1), generator=generator)
    last = torch.zeros(n_windows, dtype=torch.long, device=model.device)
    for length in range(1, width):
        on_step(length)
        logits = model(tokens.to(model.device), at=last + length - 1)
        chances = logits.float().softmax(dim=-1).cpu()
        tokens = torch.cat([tokens, torch.multinomial(chances, 1, generator=generator)], dim=1)
    return tokens
