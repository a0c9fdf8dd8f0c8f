"""What decides a run of pruning."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from model.calibrate import calibrated_losses, plain_losses


@dataclass(frozen=True)
class PruneSettings:
    """One run of pruning; `k_coef` is nats a kept node, `edge_coef` nats a kept edge, `target_loss_nats` what the
    circuit may lose up to: once its logits are calibrated, or with `calibrated` off as they are. `warm_start` deals the
    first taus by estimated effects, and after `patience` steps without progress there are no more: off and 0 are the
    paper's way. `bf16` is for devices that are quicker at it; the first steps, of the whole model, learn with it."""

    n_steps: int = 400
    pairs_per_step: int = 16
    k_coef: float = 1e-2
    edge_coef: float = 3e-3
    ease_penalty: bool = True
    lr: float = 3e-2
    weight_decay: float = 1e-3
    beta2: float = 0.95
    warmup_fraction: float = 0.05
    heaviside_temp: float = 1.0
    init_noise_bias: float = 0.5
    init_noise_scale: float = 0.25
    warm_start: bool = True
    patience: int = 60
    drop_below: float = -0.3
    target_loss_nats: float = 0.15
    margin_nats: float = 0.015
    calibrated: bool = True
    greedy: bool = True
    cut_edges: bool = True
    seed: int = 0
    bf16: bool = True
    n_train_pairs: int = 2048
    n_fresh_pairs: int = 1024

    @property
    def aim_nats(self) -> float:
        """The loss that the size is chosen for, on train pairs."""
        return max(0.0, self.target_loss_nats - self.margin_nats)

    @property
    def losses(self) -> Callable[[Tensor], Tensor]:
        """From logit differences [*variant, prompt] to the loss of each variant that the run goes by, nats."""
        return calibrated_losses if self.calibrated else plain_losses
