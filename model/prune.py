"""Pruning a model to the circuit of a task (paper A.5).

1. One parameter tau a node, clamped to [-1, 1] after each step. The paper starts all near 0.1; with few, large steps
   they would cross zero together, so the default spreads them (0.5 +- 0.25) and nodes leave one after another.
2. A gate on every node: itself where tau > 0, else its mean over the pretraining corpus; AbsTopK comes first.
3. Backward through the step function with the slope of a sigmoid.
4. Loss = two-way task loss + k_coef * (nodes kept); AdamW, clipped gradients, warm-up and linear decay. The penalty
   is eased as the loss nears the target (ours; `ease_penalty=False` is the paper's), so that one k_coef fits all tasks.
5. Rank nodes by tau (ties by how much each helped the loss), bisect how many to keep for the target loss on
   fresh pairs; drop what has no path from tokens to logits; drop greedily what the target does not need.
6. Calibrate the logits: one scale and a shift for each candidate.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.batch import PairBatch, encode_pairs
from model.calibrate import Calibration, calibrate
from model.circuit import Circuit, Keep, count_kept, kept_nodes
from model.gate import hold
from model.graph import connected, count_edges
from model.greedy import drop_needless
from model.mask import Mask
from model.measure import logit_difference, measure
from model.subject import Subject
from model.tasks.task import Task


@dataclass(frozen=True)
class PruneSettings:
    """One run of pruning; `k_coef` is nats a kept node, `target_loss_nats` what the circuit may lose up to."""

    n_steps: int = 250
    pairs_per_step: int = 16
    k_coef: float = 1e-2
    ease_penalty: bool = True
    lr: float = 3e-2
    weight_decay: float = 1e-3
    beta2: float = 0.95
    warmup_fraction: float = 0.05
    heaviside_temp: float = 1.0
    init_noise_bias: float = 0.5
    init_noise_scale: float = 0.25
    target_loss_nats: float = 0.15
    greedy: bool = True
    seed: int = 0
    bf16: bool = True
    n_train_pairs: int = 2048
    n_fresh_pairs: int = 160


@dataclass(frozen=True)
class PruneStep:
    """Where a run is: `phase` is learning, bisecting, dropping or calibrating; the loss is of the circuit now."""

    phase: str
    step: int
    n_steps: int
    loss_nats: float
    n_nodes: int
    n_edges: int
    elapsed_s: float


@dataclass(frozen=True)
class PruneResult:
    """The circuit, and how it came to be. `fresh_loss_nats` is on the train pairs that chose its size."""

    circuit: Circuit
    fresh_loss_nats: float
    reached_target: bool
    stopped: bool
    calibration: Calibration
    curve: tuple[PruneStep, ...] = field(repr=False)
    elapsed_s: float


class _Reporter:
    """Counts, times and passes on the steps of a run."""

    def __init__(self, subject: Subject, n_steps: int, on_step: Callable[[PruneStep], None]) -> None:
        self.model, self.n_steps, self.on_step = subject.model, n_steps, on_step
        self.started = time.monotonic()
        self.curve: list[PruneStep] = []

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def __call__(self, phase: str, step: int, loss: float, keep: Keep) -> None:
        report = PruneStep(
            phase, step, self.n_steps, loss, count_kept(keep), count_edges(self.model, keep), self.elapsed_s
        )
        self.curve.append(report)
        self.on_step(report)


def prune(
    subject: Subject,
    task: Task,
    settings: PruneSettings,
    *,
    on_step: Callable[[PruneStep], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> PruneResult:
    """Prune `subject` to a circuit for `task`.

    `should_stop` is asked at every step; once true, the run ends with the circuit that it has. Only train pairs are
    used: held-out pairs stay for whoever measures the result.
    """
    report = _Reporter(subject, settings.n_steps, on_step)
    pairs = task.pairs("train", settings.n_train_pairs + settings.n_fresh_pairs, settings.seed)
    batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
    n_fresh = settings.n_fresh_pairs
    if batch.n_pairs < settings.n_train_pairs + n_fresh:  # a user's own task, with as many as there are
        n_fresh = min(n_fresh, batch.n_pairs // 3)
    numbers = torch.arange(batch.n_pairs, device=subject.device)
    train, fresh = (batch.select(part) for part in numbers.split([batch.n_pairs - n_fresh, n_fresh]))

    mask = learn_mask(subject, train, settings, report=report, should_stop=should_stop)

    def fresh_loss(keep: Keep) -> float:
        return measure(subject.model, fresh, hold(keep, subject.means)).loss_nats

    def note(phase: str, loss: float, keep: Keep) -> None:
        report(phase, settings.n_steps, loss, keep)

    keep = smallest_prefix(
        mask, settings.target_loss_nats, fresh_loss, lambda loss, keep: note("bisecting", loss, keep)
    )
    keep = _drop_disconnected(subject, keep, settings.target_loss_nats, fresh_loss)
    if settings.greedy and fresh_loss(keep) <= settings.target_loss_nats and not should_stop():
        keep = drop_needless(
            subject, keep, fresh, settings.target_loss_nats,
            on_drop=lambda loss, keep: note("dropping", loss, keep), should_stop=should_stop,
        )  # fmt: skip
    outcome = measure(subject.model, fresh, hold(keep, subject.means))
    note("calibrating", outcome.loss_nats, keep)
    return PruneResult(
        circuit=Circuit.of(subject.fingerprint, task.name, kept_nodes(keep)),
        fresh_loss_nats=outcome.loss_nats,
        reached_target=outcome.loss_nats <= settings.target_loss_nats,
        stopped=should_stop(),
        calibration=calibrate(outcome),
        curve=tuple(report.curve),
        elapsed_s=report.elapsed_s,
    )


def learn_mask(
    subject: Subject,
    train: PairBatch,
    settings: PruneSettings,
    *,
    report: Callable[[str, int, float, Keep], None],
    should_stop: Callable[[], bool],
) -> Mask:
    """Steps 1 to 4: learn taus by gradient on batches drawn from `train`."""
    device = subject.device
    mask = Mask(
        subject.config, bias=settings.init_noise_bias, scale=settings.init_noise_scale, seed=settings.seed,
        device=device,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(
        [mask.tau], lr=settings.lr, betas=(0.9, settings.beta2), weight_decay=settings.weight_decay
    )
    recent_loss = 0.0
    draw = torch.Generator().manual_seed(settings.seed)
    for step in range(settings.n_steps):
        if should_stop():
            break
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * _rate(step / settings.n_steps, settings.warmup_fraction)
        chosen = torch.randint(train.n_pairs, (settings.pairs_per_step,), generator=draw).to(device)
        gates = mask.gates(settings.heaviside_temp)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
            loss = _task_loss(subject, train.select(chosen), mask, gates)
        (task_grad,) = torch.autograd.grad(loss, gates)
        mask.note_importance(task_grad)
        optimizer.zero_grad(set_to_none=True)
        recent_loss += (float(loss.detach()) - recent_loss) * (1 / (step + 1) if step < 5 else 0.2)
        gates.backward(task_grad + settings.k_coef * _pressure(recent_loss, settings))
        torch.nn.utils.clip_grad_norm_([mask.tau], 1.0)
        optimizer.step()
        mask.clamp()
        report("learning", step + 1, float(loss.detach()), mask.keep_of((mask.tau > 0).nonzero().flatten()))
    return mask


def _task_loss(subject: Subject, batch: PairBatch, mask: Mask, gates: Tensor) -> Tensor:
    diff = logit_difference(subject.model, batch, mask.tap(gates, subject.means))
    return torch.nn.functional.softplus(-diff).mean()


def _pressure(recent_loss: float, settings: PruneSettings) -> float:
    """Share of the penalty that acts: all of it while the loss is low, none once it has reached the target."""
    if not settings.ease_penalty:
        return 1.0
    return min(1.0, max(0.0, 2 * (1 - recent_loss / settings.target_loss_nats)))


def _rate(done: float, warmup: float) -> float:
    """Fraction of the peak learning rate: warm-up, then linear to zero."""
    return (done + 1e-3) / warmup if done < warmup else (1 - done) / (1 - warmup)


def smallest_prefix(
    mask: Mask, target: float, loss_of: Callable[[Keep], float], on_try: Callable[[float, Keep], None]
) -> Keep:
    """Step 5: bisect for the fewest nodes, most wanted first, whose loss is at most `target`.

    Starts from the nodes whose tau is positive; if they do not reach the target, more are taken.
    """
    ranking = mask.ranking()
    enough, too_few = int((mask.tau > 0).sum()), 0

    def reaches(count: int) -> bool:
        keep = mask.keep_of(ranking[:count])
        loss = loss_of(keep)
        on_try(loss, keep)
        return loss <= target

    while not reaches(enough):
        if enough == len(ranking):
            return mask.keep_of(ranking)
        too_few, enough = enough, min(len(ranking), max(enough, 8) * 2)
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if reaches(middle) else (enough, middle)
    return mask.keep_of(ranking[:enough])


def _drop_disconnected(subject: Subject, keep: Keep, target: float, loss_of: Callable[[Keep], float]) -> Keep:
    """The nodes that have a path from tokens to logits, unless the loss then misses a target that it met."""
    fewer = connected(subject.model, keep)
    if count_kept(fewer) == count_kept(keep):
        return keep
    return fewer if loss_of(fewer) <= max(target, loss_of(keep) + 1e-3) else keep
