"""The training loop: AdamW on RMS-normalised gradients, the largest weights kept after every step (paper A.1, A.2)."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.checkpoint import load_model
from model.config import ModelConfig
from model.device import has_fast_bf16
from model.training.schedule import density_at, learning_rate_at
from model.training.sparsity import count_nonzero, sparse_matrices, sparsify
from model.training.windows import Corpus
from model.transformer import Transformer


@dataclass(frozen=True)
class TrainSettings:
    """One run. `density` 1 trains a dense model; a run on another's weights starts at its `first_density`."""

    n_steps: int
    batch_windows: int = 16
    density: float = 0.03
    first_density: float = 1.0
    anneal_stop: float = 0.5
    min_per_unit: int = 0
    learning_rate: float = 6e-2
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 0.1
    real_fraction: float = 0.5
    seed: int = 0
    bf16: bool = True
    eval_every: int = 250


@dataclass(frozen=True)
class TrainPoint:
    """One point of the training curve; losses are nats a token, None on real code where the corpus has none."""

    step: int
    tokens: int
    train_loss_nats: float
    val_generated_nats: float
    val_real_nats: float | None
    density: float
    n_nonzero: int
    elapsed_s: float


def initialise(model: Transformer, seed: int) -> None:
    """Weights ~ N(0, 1/fan_in), embeddings ~ N(0, 0.3^2), biases, bigram table and sinks zero. Seeded.

    Embeddings start small so that tokens which never occur do not take nonzeros from those that do.
    Concatenated positions are sinusoids and stay so.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weight in sparse_matrices(model).items():
        scale = 0.3 if name == "transformer.wte.weight" else weight.shape[1] ** -0.5
        if name.endswith("c_proj.weight"):
            scale /= (2 * model.config.n_layer) ** 0.5
        weight.data.copy_(torch.randn(weight.shape, generator=generator) * scale)
    for name, value in model.named_parameters():
        if name.endswith(".bias") or name == "bigram_table":
            value.data.zero_()
    if model.config.sinusoidal_cat_pos_emb:
        model.wpe.weight.data.copy_(sinusoids(*model.wpe.weight.shape))
        model.wpe.weight.requires_grad_(False)


def sinusoids(n_pos: int, width: int) -> Float[Tensor, "pos width"]:
    """Sines, then cosines, of `width // 2` periods from 4 tokens to twice the context, in equal ratios."""
    periods = torch.logspace(2, math.log2(2 * n_pos), width // 2, base=2.0)
    angles = 2 * math.pi * torch.arange(n_pos)[:, None] / periods
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def normalise_gradients(model: Transformer) -> None:
    """Divide all gradients by their global root mean square."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    n_entries = sum(g.numel() for g in grads)
    norm = torch.stack(torch._foreach_norm(grads)).norm()
    torch._foreach_div_(grads, norm / n_entries**0.5 + 1e-12)


def token_loss(model: Transformer, windows: Int[Tensor, "window token"]) -> Float[Tensor, ""]:
    """Mean next-token cross-entropy, nats."""
    logits = model(windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten())


class Run:
    """A run that can be stopped and taken up again: model, optimiser and step."""

    def __init__(self, config: ModelConfig, settings: TrainSettings, device: torch.device) -> None:
        self.config, self.settings, self.device = config, settings, device
        model = Transformer(config)
        initialise(model, settings.seed)
        self.model = model.to(device)
        decayed = set(sparse_matrices(model))
        groups = [
            {
                "params": [p for n, p in model.named_parameters() if n in decayed],
                "weight_decay": settings.weight_decay,
            },
            {
                "params": [p for n, p in model.named_parameters() if n not in decayed and p.requires_grad],
                "weight_decay": 0.0,
            },
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.eps, fused=True
        )
        self.step = 0
        self.elapsed_s = 0.0
        self.curve: list[dict[str, Any]] = []

    def precision(self) -> AbstractContextManager[Any]:
        wanted = self.settings.bf16 and has_fast_bf16(self.device)
        return torch.autocast(self.device.type, torch.bfloat16) if wanted else nullcontext()

    def density(self) -> float:
        settings = self.settings
        return density_at(
            self.step / settings.n_steps, settings.density, first=settings.first_density, stop=settings.anneal_stop
        )

    def advance(self, corpus: Corpus) -> float:
        """One optimiser step; the batch's loss in nats a token."""
        settings = self.settings
        density = self.density()
        rate = learning_rate_at(self.step / settings.n_steps, settings.learning_rate, density, settings.density)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        windows = corpus.draw(
            settings.batch_windows, self.config.block_size + 1, seed=settings.seed, step=self.step
        ).to(self.device)
        with self.precision():
            loss = token_loss(self.model, windows)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        normalise_gradients(self.model)
        self.optimizer.step()
        if density < 1:
            sparsify(self.model, density, min_per_unit=settings.min_per_unit)
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def evaluate(self, corpus: Corpus, n_windows: int = 64) -> float:
        """Loss on `n_windows` fixed windows, nats a token."""
        windows = corpus.draw(n_windows, self.config.block_size + 1, seed=10**6, step=0).to(self.device)
        with self.precision():
            losses = [float(token_loss(self.model, part)) for part in windows.split(16)]
        return sum(losses) / len(losses)

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step,
            "elapsed_s": self.elapsed_s, "curve": self.curve,
        }  # fmt: skip
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def start_from(self, path: Path) -> None:
        """Start at step 0 (a sibling of another density) from a model folder's weights, or from another run's
        checkpoint, its optimiser too."""
        if path.is_dir():
            self.model.load_state_dict(load_model(path, self.device).state_dict())
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def resume(self, path: Path) -> None:
        """Take up a saved run of the same config and settings."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed_s, self.curve = state["step"], state["elapsed_s"], state["curve"]


def train(
    run: Run,
    corpus: Corpus,
    val_generated: Corpus,
    val_real: Corpus | None,
    *,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[TrainPoint]:
    """Run to the end (or until `should_stop`), yielding a point of the curve every `eval_every` steps."""
    started, before = time.monotonic(), run.elapsed_s
    losses: list[float] = []
    while run.step < run.settings.n_steps and not should_stop():
        losses.append(run.advance(corpus))
        on_step(run.step, losses[-1])
        run.elapsed_s = before + time.monotonic() - started
        if run.step % run.settings.eval_every == 0 or run.step == run.settings.n_steps:
            point = TrainPoint(
                step=run.step,
                tokens=run.step * run.settings.batch_windows * run.config.block_size,
                train_loss_nats=sum(losses) / len(losses),
                val_generated_nats=run.evaluate(val_generated),
                val_real_nats=run.evaluate(val_real) if val_real else None,
                density=run.density(),
                n_nonzero=count_nonzero(run.model)[0],
                elapsed_s=run.elapsed_s,
            )
            losses.clear()
            run.curve.append(vars(point).copy())
            yield point
