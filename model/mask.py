"""A learnable mask over nodes: one tau a node, a step function in front, a sigmoid's slope behind (paper A.5)."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from model.attribution import soft_gate
from model.circuit import Keep
from model.config import ModelConfig
from model.means import Means
from model.sites import maskable_sites, site_order, site_width
from model.transformer import Tap


class Heaviside(torch.autograd.Function):
    """1 where tau > 0, else 0; its derivative is that of a sigmoid of temperature `temperature`."""

    @staticmethod
    def forward(ctx, tau: Tensor, temperature: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(tau)
        ctx.temperature = temperature
        return (tau > 0).to(tau.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (tau,) = ctx.saved_tensors
        slope = torch.sigmoid(tau / ctx.temperature)
        return grad * slope * (1 - slope) / ctx.temperature, None


class Mask:
    """Taus of every maskable site, in one flat parameter so that an optimiser step is one operation."""

    def __init__(
        self, config: ModelConfig, *, bias: float, scale: float, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        self.sites = sorted(maskable_sites(config), key=site_order)
        self.widths = [site_width(config, site) for site in self.sites]
        generator = torch.Generator().manual_seed(seed)
        taus = bias + scale * torch.randn(sum(self.widths), generator=generator)
        self.tau = taus.to(device).requires_grad_()
        #: How much each node has helped the task loss lately: what ranks nodes whose taus are tied at the clamp.
        self.importance = torch.zeros_like(taus, device=device)

    def gates(self, temperature: float) -> Float[Tensor, " node"]:
        """H(tau) of every node, differentiable."""
        return Heaviside.apply(self.tau, temperature)

    def tap(self, gates: Float[Tensor, " all_nodes"], means: Means) -> Tap:
        """`x * gate + mean * (1 - gate)` at every maskable site."""
        return soft_gate(dict(self._parts(gates)), means)

    def note_importance(self, grad: Float[Tensor, " node"], decay: float = 0.9) -> None:
        """Remember, decaying, how much the task loss would rise without each node (first order, nats)."""
        self.importance.mul_(decay).sub_(grad, alpha=1 - decay)

    def ranking(self) -> Tensor:
        """Node numbers, most wanted first: by tau, then by importance, then in forward order."""
        importance = self.importance.cpu().double()
        key = self.tau.detach().cpu().double()
        by_importance = torch.argsort(importance, descending=True, stable=True)
        return by_importance[torch.argsort(key[by_importance], descending=True, stable=True)]

    def keep_of(self, numbers: Tensor) -> Keep:
        """The mask that keeps these node numbers."""
        flat = torch.zeros(sum(self.widths), dtype=torch.bool, device=self.tau.device)
        flat[numbers.to(flat.device)] = True
        return dict(self._parts(flat))

    def _parts(self, flat: Tensor) -> Iterator[tuple[str, Tensor]]:
        yield from zip(self.sites, flat.split(self.widths), strict=True)

    @torch.no_grad()
    def clamp(self) -> None:
        self.tau.clamp_(-1, 1)
