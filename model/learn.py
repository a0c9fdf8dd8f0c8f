"""Learning a circuit's mask by gradient, on ever fewer candidates (paper A.5, steps 1 to 4).

With a warm start the taus are dealt out by estimated effects; the paper deals them by chance, and so does a run that
begins anew because its warm start has lost the task. The first steps run the whole model. Every few steps, while the
loss is at the target, the nodes whose tau has fallen below `drop_below` leave for good, and so does what they leave
without a path; once few enough candidates are left they are compiled, so that a step costs what the candidates cost.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from model.adjacency import Adjacency
from model.batch import PairBatch
from model.calibrate import Calibration, fit, plain_losses
from model.circuit import Keep
from model.compiled import CompiledCircuit, compile_circuit
from model.device import has_fast_bf16
from model.graph import connected
from model.mask import Mask
from model.measure import logit_difference
from model.prune_settings import PruneSettings
from model.snapshot import SNAPSHOT_EVERY, OnSnapshot, Snapshot
from model.subject import Subject

STEPS_A_ROUND = 10
#: Candidates are compiled once they are at most this share of all nodes.
COMPILED_BELOW = 0.25
#: How far a step's own best calibration moves the one that the run goes by.
CALIBRATION_RATE = 0.15
#: Pairs from which the effects of a warm start are estimated.
WARM_PAIRS = 64
#: A warm start has lost the task where the loss was above LOST_ABOVE times the target for LOST_FOR of the steps on end.
LOST_ABOVE, LOST_FOR = 2.0, 0.05
#: Fewer edges than this share of those before count as a move of the frontier.
A_MOVE = 0.97
#: Shares of the target; a batch's loss is uncertain, so what just met the target may miss it on other pairs.
FALL_BACK_TO = (1.0, 0.8, 0.6, 0.45, 0.35, 0.25, 0.15)

OnLearn = Callable[[int, int, float, int, int], None]


class Learner:
    """The mask, its optimiser, and the candidates that are still in the running."""

    def __init__(self, subject: Subject, settings: PruneSettings, candidates: Keep | None = None) -> None:
        self.subject, self.settings, self.candidates = subject, settings, candidates
        self.bf16 = settings.bf16 and has_fast_bf16(subject.device)
        self._begin(0)

    def _begin(self, number: int) -> None:
        """At step `number`, knowing nothing of those before."""
        subject, settings = self.subject, self.settings
        self.began, self.is_warm = number, False
        self.mask = Mask(
            subject.config, bias=settings.init_noise_bias, scale=settings.init_noise_scale, seed=settings.seed,
            device=subject.device,
        )  # fmt: skip
        self.optimizer = torch.optim.AdamW(
            [self.mask.tau], lr=settings.lr, betas=(0.9, settings.beta2), weight_decay=settings.weight_decay
        )
        self.alive = torch.ones(len(self.mask.tau), dtype=torch.bool, device=subject.device)
        self.edges = Adjacency.of(subject.model)
        self.compiled: CompiledCircuit | None = None
        self.recent_loss, self.n_lost = 0.0, 0
        self.calibration: Tensor | None = None
        self.best: dict[float, tuple[int, Tensor]] = {}
        self.moved: dict[float, int] = {}
        self.moved_at = number
        if self.candidates is not None:
            self._go_on_with(self.candidates)

    def start_warm(self, train: PairBatch) -> None:
        """Deal the taus out anew, the largest to the candidates with the largest estimated effects.

        Estimated by one backward pass through all of them: how far the mean of right minus wrong logit would move, up
        or down, were a node at its mean.
        """
        few = train.select(torch.arange(min(WARM_PAIRS, train.n_pairs), device=self.subject.device))
        gates = self.alive.float().requires_grad_()
        slopes = torch.zeros_like(gates)
        for part in few.split(self.settings.pairs_per_step):
            slopes += torch.autograd.grad(self._difference(part, gates).float().sum(), gates)[0]
        order = torch.argsort(slopes[self.alive].abs().double().cpu(), stable=True).to(slopes.device)
        dealt = self.mask.tau.detach()[self.alive]
        dealt[order] = dealt.sort().values
        self.mask.tau.data[self.alive] = dealt
        self.is_warm = True

    def snapshot(self, number: int, draw: torch.Generator) -> Snapshot:
        """All that the steps from `number` on depend on."""
        moments = self.optimizer.state_dict()["state"].get(0, {})
        tensors = {
            "tau": self.mask.tau.detach(), "importance": self.mask.importance, "alive": self.alive,
            "draw": draw.get_state(),
            **{f"adam.{name}": value for name, value in moments.items()},
            **{f"best.{share}": tau for share, (_, tau) in self.best.items()},
        }  # fmt: skip
        if self.calibration is not None:
            tensors["calibration"] = self.calibration
        numbers = {"recent_loss": self.recent_loss, "n_lost": float(self.n_lost), "is_warm": float(self.is_warm)}
        numbers |= {"began": float(self.began), "moved_at": float(self.moved_at)}
        numbers |= {f"moved.{share}": float(n_edges) for share, n_edges in self.moved.items()}
        numbers |= {f"best.{share}": float(n_edges) for share, (n_edges, _) in self.best.items()}
        return Snapshot(number, {name: value.detach().cpu().clone() for name, value in tensors.items()}, numbers)

    def restore(self, held: Snapshot, draw: torch.Generator) -> None:
        """Be as when the snapshot was taken."""
        of = {name: value.to(self.mask.tau.device) for name, value in held.tensors.items() if name != "draw"}
        if not bool(of["alive"].all()):
            self._go_on_with(self.mask.keep_of(of["alive"].nonzero().flatten()))
        self.mask.tau.data.copy_(of["tau"])
        self.mask.importance.copy_(of["importance"])
        moments = {name.removeprefix("adam."): value for name, value in of.items() if name.startswith("adam.")}
        if moments:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": {0: moments}, "param_groups": groups})
        self.calibration = of.get("calibration")
        self.recent_loss = held.numbers["recent_loss"]
        self.n_lost, self.began = (int(held.numbers.get(name, 0)) for name in ("n_lost", "began"))
        self.is_warm = bool(held.numbers.get("is_warm", 0))
        shares = [share for share in FALL_BACK_TO if f"best.{share}" in of]
        self.moved_at = int(held.numbers.get("moved_at", held.step))  # snapshots of before do not say
        self.moved = {share: int(held.numbers.get(f"moved.{share}", held.numbers[f"best.{share}"])) for share in shares}
        self.best = {share: (int(held.numbers[f"best.{share}"]), of[f"best.{share}"]) for share in shares}
        draw.set_state(held.tensors["draw"])

    @property
    def n_steps(self) -> int:
        """How many steps there are in all: those of a start that was given up come on top."""
        return self.began + self.settings.n_steps

    def prepare(self, number: int, draw: torch.Generator) -> None:
        """Before a step: where a warm start has lost the task begin anew, as without it; let nodes go every few steps.

        Where many nodes that are needed leave at once, as those of small estimates do, no gradient brings them back.
        """
        if self.is_warm and self.n_lost > max(STEPS_A_ROUND, LOST_FOR * self.settings.n_steps):
            self._begin(number)
            draw.manual_seed(self.settings.seed)
        elif self.ends_round(number):
            self.narrow()

    def ends_round(self, number: int) -> bool:
        return number > self.began and (number - self.began) % STEPS_A_ROUND == 0

    def narrow(self) -> None:
        """Let go of the nodes that have fallen below `drop_below`, if they are enough to be worth it. Above the target
        some of them may be what is missing."""
        if self.settings.ease_penalty and self.recent_loss > self.settings.aim_nats:
            return
        wanted = self.alive & (self.mask.tau.detach() > self.settings.drop_below)
        if int(wanted.sum()) > 0.8 * int(self.alive.sum()):
            return
        self._go_on_with(connected(self.subject.model, self.mask.keep_of(wanted.nonzero().flatten())))

    def _go_on_with(self, keep: Keep) -> None:
        self.alive = torch.cat([keep[site] for site in self.mask.sites])
        self.mask.tau.data[~self.alive] = -1.0
        self.edges = self.edges.within(self.alive)
        if int(self.alive.sum()) <= COMPILED_BELOW * len(self.alive):
            self.compiled = compile_circuit(self.subject.model, self.subject.means, keep)

    def step(self, number: int, batch: PairBatch) -> float:
        """One gradient step; the loss of the circuit before it, nats."""
        settings, mask, n_before = self.settings, self.mask, number - self.began
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr * _rate(n_before / settings.n_steps, settings.warmup_fraction)
        gates = mask.gates(settings.heaviside_temp)
        loss = self._loss(self._difference(batch, gates))
        (task_grad,) = torch.autograd.grad(loss, gates)
        mask.note_importance(task_grad)
        value = float(loss.detach())
        self.recent_loss += (value - self.recent_loss) * (1 / (n_before + 1) if n_before < 5 else 0.2)
        self.n_lost = self.n_lost + 1 if self.recent_loss > LOST_ABOVE * settings.aim_nats else 0
        penalty = settings.k_coef + settings.edge_coef * self.edges.degree(gates.detach() > 0)
        self.optimizer.zero_grad(set_to_none=True)
        gates.backward(task_grad + self._pressure() * penalty)
        torch.nn.utils.clip_grad_norm_([mask.tau], 1.0)
        self._remember(number)
        self.optimizer.step()
        mask.clamp()
        mask.tau.data[~self.alive] = -1.0
        return value

    def _loss(self, difference: Tensor) -> Tensor:
        """The batch's loss under a calibration that follows the circuit slowly: a few prompts alone are easily told
        apart by one that suits no others."""
        if not self.settings.calibrated:
            return plain_losses(difference)
        found = torch.cat(fit(difference.detach()))
        self.calibration = found if self.calibration is None else self.calibration.lerp(found, CALIBRATION_RATE)
        return plain_losses(Calibration(*self.calibration.tolist())(difference))

    def _remember(self, number: int) -> None:
        """The fewest edges so far with which the loss was at the target, or well below, for a run that goes too far."""
        _, n_edges = self.size()
        for share in FALL_BACK_TO:
            if self.recent_loss <= share * self.settings.aim_nats and (
                share not in self.best or n_edges < self.best[share][0]
            ):
                self.best[share] = n_edges, self.mask.tau.detach().clone()
                if share not in self.moved or n_edges <= A_MOVE * self.moved[share]:
                    self.moved[share], self.moved_at = n_edges, number

    def stands_still(self, number: int) -> bool:
        """Whether the loss is at the target, and for a while no circuit with notably fewer edges has met any of the
        losses."""
        patience = self.settings.patience
        is_met = 1.0 in self.best and self.recent_loss <= self.settings.aim_nats
        return bool(patience) and is_met and number - self.moved_at > patience

    def settle(self, reaches: Callable[[Keep], bool]) -> Mask:
        """The mask as it is or, where that misses the target on pairs not learned from, as it was at its best.

        If then twice as many nodes of the mask as it is, or four times, reach it and are fewer, they are for whoever
        takes more of it than it keeps.
        """
        last = self.mask.tau.detach().clone()
        taken = [last, *(self.best[share][1] for share in FALL_BACK_TO if share in self.best)]
        found = taken[1] if len(taken) > 1 else last
        for tau in taken:
            self.mask.tau.data.copy_(tau)
            if reaches(self.keep()):
                found = tau
                break
        self.mask.tau.data.copy_(last)
        ranking, n = self.mask.ranking(), 2 * int((last > 0).sum())
        while 0 < n < int((found > 0).sum()):
            if reaches(self.mask.keep_of(ranking[:n])):
                return self.mask
            n *= 2
        self.mask.tau.data.copy_(found)
        return self.mask

    def _difference(self, batch: PairBatch, gates: Tensor) -> Tensor:
        if self.compiled is not None:
            return self.compiled.logit_difference(batch, gates[self.alive])
        with torch.autocast(self.subject.device.type, torch.bfloat16, enabled=self.bf16):
            return logit_difference(self.subject.model, batch, self.mask.tap(gates, self.subject.means))

    def _pressure(self) -> float:
        """Share of the penalty that acts: all of it while the loss is low, none once it has reached the target."""
        if not self.settings.ease_penalty:
            return 1.0
        return min(1.0, max(0.0, 2 * (1 - self.recent_loss / self.settings.aim_nats)))

    def keep(self) -> Keep:
        return self.mask.keep_of((self.mask.tau > 0).nonzero().flatten())

    def size(self) -> tuple[int, int]:
        """Nodes and edges kept now."""
        kept = self.mask.tau.detach() > 0
        return int(kept.sum()), self.edges.count(kept)


def learn_mask(
    subject: Subject,
    train: PairBatch,
    settings: PruneSettings,
    *,
    candidates: Keep | None = None,
    reaches: Callable[[Keep], bool] = lambda keep: True,
    on_step: OnLearn = lambda step, n_steps, loss, nodes, edges: None,
    should_stop: Callable[[], bool] = lambda: False,
    resume: Snapshot | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Mask:
    """Learn taus on batches drawn from `train`; `on_step` is told step, of how many, loss in nats, nodes, edges.

    With `candidates` only those nodes are in the running from the start. Where what was learned does not answer to
    `reaches`, an earlier state that was further below the target is taken. From `resume` it goes on as if it had never
    stopped; `on_snapshot` is given the state every few steps and at the end. With `patience` the steps end early
    where for so many of them no circuit with notably fewer edges has met any of the losses that are watched.
    """
    learner = Learner(subject, settings, candidates)
    draw = torch.Generator().manual_seed(settings.seed)
    first = 0
    if resume is None and settings.warm_start:
        learner.start_warm(train)
    if resume is not None:
        learner.restore(resume, draw)
        first = resume.step
    number = first
    while number < learner.n_steps:
        if should_stop():
            break
        if on_snapshot is not None and number > first and number % SNAPSHOT_EVERY == 0:
            on_snapshot(learner.snapshot(number, draw))
        learner.prepare(number, draw)
        if learner.ends_round(number) and (not bool(learner.alive.any()) or learner.stands_still(number)):
            break
        chosen = torch.randint(train.n_pairs, (settings.pairs_per_step,), generator=draw).to(subject.device)
        loss = learner.step(number, train.select(chosen))
        number += 1
        on_step(number, learner.n_steps, loss, *learner.size())
    else:
        if on_snapshot is not None and first < number:
            on_snapshot(learner.snapshot(number, draw))
    return learner.settle(reaches)


def shortlist(subject: Subject, train: PairBatch, settings: PruneSettings) -> Keep:
    """The candidates that are left when a run first has few enough of them to compile."""
    learner = Learner(subject, settings)
    if settings.warm_start:
        learner.start_warm(train)
    draw = torch.Generator().manual_seed(settings.seed)
    number = 0
    while number < learner.n_steps:
        learner.prepare(number, draw)
        if learner.compiled is not None:
            break
        learner.step(number, train.select(torch.randint(train.n_pairs, (settings.pairs_per_step,), generator=draw)))
        number += 1
    return learner.mask.keep_of(learner.alive.nonzero().flatten())


def _rate(done: float, warmup: float) -> float:
    """Fraction of the peak learning rate: warm-up, then linear to zero."""
    return (done + 1e-3) / warmup if done < warmup else (1 - done) / (1 - warmup)
