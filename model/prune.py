"""Pruning a model to the circuit of a task (paper A.5).

1. One parameter tau a node, clamped to [-1, 1] after each step. The paper starts all near 0.1; with few, large steps
   they would cross zero together, so the default spreads them (0.5 +- 0.25) and nodes leave one after another; the
   ones of small estimated effect first (ours; `warm_start=False` is the paper's).
2. A gate on every node: itself where tau > 0, else its mean over the pretraining corpus; AbsTopK comes first.
3. Backward through the step function with the slope of a sigmoid.
4. Loss = two-way task loss + k_coef * (nodes kept) + edge_coef * (edges kept); AdamW, clipped gradients, warm-up and
   linear decay. The paper penalises nodes only (edge_coef 0). The penalty is eased as the loss nears the target (ours;
   `ease_penalty=False` is the paper's), so that one k_coef fits all tasks. The steps end before `n_steps` where the
   frontier of loss and size stands still (ours; `patience=0` is the paper's).
5. Rank nodes by tau (ties by how much each helped the loss), bisect how many to keep for the target loss on
   fresh pairs; drop what has no path from tokens to logits; drop greedily what the target does not need, nodes first
   and then edges, which from there on carry only their source's mean (the paper counts edges without this). One half
   of the fresh pairs says what may go, and choosing so often fits them: what went last comes back until the other
   half meets the target too, on which nothing was chosen. Both aim `margin_nats` below it.
6. Calibrate the logits: one scale and a shift for each candidate. The target is one for calibrated logits, and the
   calibration belongs to the circuit; with `calibrated=False` the size is chosen for the logits as they are. So it is
   where the last token alone, by the bigram table, would meet the target: there a calibrated circuit has no nodes.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from model.batch import PairBatch, encode_pairs
from model.calibrate import Calibration, calibrate, plain_losses
from model.circuit import Circuit, Keep, count_kept, kept_nodes, nothing_kept
from model.compiled import quick_circuit
from model.frontier import Frontier, frontier
from model.graph import connected, count_edges, edges_of
from model.greedy import cut_needless, drop_needless
from model.learn import learn_mask
from model.mask import Mask
from model.measure import measure
from model.prune_settings import PruneSettings
from model.sites import Node
from model.snapshot import OnSnapshot, Snapshot
from model.subject import Subject
from model.tasks.task import Task


@dataclass(frozen=True)
class PruneStep:
    """Where a run is: learning, bisecting, dropping, cutting or calibrating; the loss is of the circuit now."""

    phase: str
    step: int
    n_steps: int
    loss_nats: float
    n_nodes: int
    n_edges: int
    elapsed_s: float


@dataclass(frozen=True)
class PruneResult:
    """The circuit, and how it came to be. Losses are on the train pairs that chose its size; `fresh_loss_nats` is the
    one that the run went by, `plain_loss_nats` that of its logits as they are."""

    circuit: Circuit
    fresh_loss_nats: float
    reached_target: bool
    stopped: bool
    calibration: Calibration
    plain_loss_nats: float
    calibrated_loss_nats: float
    frontier: Frontier
    curve: tuple[PruneStep, ...] = field(repr=False)
    elapsed_s: float


class _Reporter:
    """Counts, times and passes on the steps of a run; what comes after learning reports how many were taken."""

    def __init__(
        self, subject: Subject, n_steps: int, on_step: Callable[[PruneStep], None], resume: Snapshot | None = None
    ) -> None:
        self.model, self.on_step = subject.model, on_step
        self.n_taken = 0 if resume is None else resume.step
        self.started = time.monotonic()
        self.curve: list[PruneStep] = []
        if resume is not None:
            self.started -= resume.numbers["elapsed_s"]
            n_steps += int(resume.numbers.get("began", 0))
            for step, loss, n_nodes, n_edges, elapsed_s in resume.tensors["curve"].tolist():
                self.curve.append(
                    PruneStep("learning", int(step), n_steps, loss, int(n_nodes), int(n_edges), elapsed_s)
                )

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def keeping(self, on_snapshot: OnSnapshot | None) -> OnSnapshot | None:
        """The same, given snapshots that also say what the run has reported."""
        if on_snapshot is None:
            return None

        def with_report(held: Snapshot) -> None:
            rows = [(s.step, s.loss_nats, s.n_nodes, s.n_edges, s.elapsed_s) for s in self.curve]
            curve = torch.tensor(rows, dtype=torch.float64).reshape(-1, 5)
            on_snapshot(held.with_more({"curve": curve}, {"elapsed_s": self.elapsed_s}))

        return with_report

    def learning(self, step: int, n_steps: int, loss: float, n_nodes: int, n_edges: int) -> None:
        self.n_taken = step
        report = PruneStep("learning", step, n_steps, loss, n_nodes, n_edges, self.elapsed_s)
        self.curve.append(report)
        self.on_step(report)

    def __call__(self, phase: str, loss: float, keep: Keep) -> None:
        n_edges = count_edges(self.model, keep)
        report = PruneStep(phase, self.n_taken, self.n_taken, loss, count_kept(keep), n_edges, self.elapsed_s)
        self.curve.append(report)
        self.on_step(report)

    def of_circuit(self, phase: str, loss: float, circuit: Circuit) -> None:
        n_edges = len(edges_of(self.model, circuit))
        report = PruneStep(phase, self.n_taken, self.n_taken, loss, len(circuit.nodes), n_edges, self.elapsed_s)
        self.curve.append(report)
        self.on_step(report)


def prune(
    subject: Subject,
    task: Task,
    settings: PruneSettings,
    *,
    on_step: Callable[[PruneStep], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    resume: Snapshot | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> PruneResult:
    """Prune `subject` to a circuit for `task`.

    `should_stop` is asked at every step; once true, the run ends with the circuit that it has. Only train pairs are
    used: held-out pairs stay for whoever measures the result. A run that goes on from a snapshot, `resume`, of the
    same run ends at the same circuit.
    """
    train, fresh = split_pairs(subject, task, settings)
    return prune_batches(
        subject, task.name, train, fresh, settings, on_step=on_step, should_stop=should_stop, resume=resume,
        on_snapshot=on_snapshot,
    )  # fmt: skip


def split_pairs(subject: Subject, task: Task, settings: PruneSettings) -> tuple[PairBatch, PairBatch]:
    """Train pairs to learn from, and fresh ones (train pairs too) that choose the size."""
    pairs = task.pairs("train", settings.n_train_pairs + settings.n_fresh_pairs, settings.seed)
    batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
    n_fresh = settings.n_fresh_pairs
    if batch.n_pairs < settings.n_train_pairs + n_fresh:  # a user's own task, with as many as there are
        n_fresh = min(n_fresh, batch.n_pairs // 3)
    numbers = torch.arange(batch.n_pairs, device=subject.device)
    first, rest = numbers.split([batch.n_pairs - n_fresh, n_fresh])
    return batch.select(first), batch.select(rest)


def prune_batches(
    subject: Subject,
    task_name: str,
    train: PairBatch,
    fresh: PairBatch,
    settings: PruneSettings,
    *,
    candidates: Keep | None = None,
    greedy_up_to: int | None = None,
    with_frontier: bool = True,
    on_step: Callable[[PruneStep], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    resume: Snapshot | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> PruneResult:
    """The same from pairs that are encoded already; with `candidates` only those nodes are in the running.

    The greedy pass is left out where more than `greedy_up_to` nodes are needed, the frontier where nobody asks for it.
    """
    settings = fitting(settings, subject, fresh)
    choosing, confirming = halves(fresh)
    report = _Reporter(subject, settings.n_steps, on_step, resume)
    target = settings.aim_nats

    losses: dict[bytes, float] = {}  # the same masks are asked for again and again

    @torch.no_grad()
    def fresh_loss(keep: Keep) -> float:
        key = torch.cat([keep[site] for site in sorted(keep)]).cpu().numpy().tobytes()
        if key not in losses:
            circuit = quick_circuit(subject.model, subject.means, keep)
            losses[key] = float(settings.losses(measure(circuit, choosing, pairs_at_once=128).logit_diff))
        return losses[key]

    mask = learn_mask(
        subject, train, settings, candidates=candidates, reaches=lambda keep: fresh_loss(keep) <= target,
        on_step=report.learning, should_stop=should_stop, resume=resume, on_snapshot=report.keeping(on_snapshot),
    )  # fmt: skip
    keep = smallest_prefix(mask, target, fresh_loss, lambda loss, keep: report("bisecting", loss, keep))
    ranking = list(kept_nodes_in_order(mask, count_kept(keep))) if with_frontier else []
    keep = _drop_disconnected(subject, keep, target, fresh_loss)
    dropped = [keep]
    small_enough = greedy_up_to is None or count_kept(keep) <= greedy_up_to
    if settings.greedy and small_enough and fresh_loss(keep) <= target and not should_stop():

        def on_drop(loss: float, keep: Keep) -> None:
            dropped.append(keep)
            report("dropping", loss, keep)

        keep = drop_needless(
            subject, keep, choosing, target, losses=settings.losses, on_drop=on_drop, should_stop=should_stop
        )
    circuit, cut = Circuit.of(subject.fingerprint, task_name, kept_nodes(keep)), list[Circuit]()
    if settings.cut_edges and small_enough and fresh_loss(keep) <= target and not should_stop():

        def on_cut(loss: float, circuit: Circuit) -> None:
            cut.append(circuit)
            report.of_circuit("cutting", loss, circuit)

        circuit = cut_needless(
            subject, circuit, choosing, target, losses=settings.losses, on_drop=on_cut, should_stop=should_stop
        )
    larger = (Circuit.of(subject.fingerprint, task_name, kept_nodes(keep)) for keep in reversed(dropped))
    circuit = _confirmed(subject, [circuit, *reversed(cut), *larger], confirming, settings)
    keep = circuit.keep(subject.config, subject.device)
    outcome = measure(quick_circuit(subject.model, subject.means, keep, cut_edges=circuit.cut_edges), fresh)
    calibration = calibrate(outcome.logit_diff)
    plain, calibrated = outcome.loss_nats, float(plain_losses(calibration(outcome.logit_diff)))
    loss = calibrated if settings.calibrated else plain
    report.of_circuit("calibrating", loss, circuit)
    return PruneResult(
        circuit=circuit.calibrated(calibration if settings.calibrated else None),
        fresh_loss_nats=loss,
        reached_target=loss <= settings.target_loss_nats,
        stopped=should_stop(),
        calibration=calibration,
        plain_loss_nats=plain,
        calibrated_loss_nats=calibrated,
        frontier=frontier(subject, keep, dropped, ranking, fresh, settings.losses)
        if with_frontier
        else Frontier(circuit.nodes, (), 0),
        curve=tuple(report.curve),
        elapsed_s=report.elapsed_s,
    )


@torch.no_grad()
def fitting(settings: PruneSettings, subject: Subject, fresh: PairBatch) -> PruneSettings:
    """The settings, less the calibration where with it the empty circuit would meet the target."""
    if not settings.calibrated:
        return settings
    empty = quick_circuit(subject.model, subject.means, nothing_kept(subject.config, subject.device))
    needs_nothing = float(settings.losses(empty.logit_difference(fresh))) <= settings.aim_nats
    return replace(settings, calibrated=False) if needs_nothing else settings


def smallest_prefix(
    mask: Mask, target: float, loss_of: Callable[[Keep], float], on_try: Callable[[float, Keep], None]
) -> Keep:
    """Step 5: bisect for the fewest nodes, most wanted first, whose loss is at most `target`.

    Starts from the nodes whose tau is positive; if they do not reach the target, more are taken. Of many nodes, one in
    a hundred more than the fewest will do.
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
    while enough - too_few > max(1, enough // 100):
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if reaches(middle) else (enough, middle)
    return mask.keep_of(ranking[:enough])


def kept_nodes_in_order(mask: Mask, n: int) -> Iterator[Node]:
    """The `n` most wanted nodes of a mask, most wanted first."""
    for number in mask.ranking()[:n].tolist():
        yield from kept_nodes(mask.keep_of(torch.tensor([number])))


def halves(batch: PairBatch) -> tuple[PairBatch, PairBatch]:
    """The first half of the pairs and the second; a single pair is both."""
    numbers = torch.arange(batch.n_pairs, device=batch.tokens.device)
    half = batch.n_pairs // 2
    return (batch.select(numbers[:half]), batch.select(numbers[half:])) if half else (batch, batch)


@torch.no_grad()
def _confirmed(subject: Subject, growing: Sequence[Circuit], batch: PairBatch, settings: PruneSettings) -> Circuit:
    """Of ever larger circuits one whose loss on `batch` meets the target too, while the one before it does not: looked
    for in growing strides, then by bisection. Without one, the largest."""

    def meets(number: int) -> bool:
        circuit = growing[number]
        keep = circuit.keep(subject.config, subject.device)
        answering = quick_circuit(subject.model, subject.means, keep, cut_edges=circuit.cut_edges)
        return float(settings.losses(measure(answering, batch).logit_diff)) <= settings.aim_nats

    too_small, found, last = -1, 0, len(growing) - 1
    while not meets(found):
        if found == last:
            return growing[last]
        too_small, found = found, min(last, found + max(1, found // 2))
    while found - too_small > 1:
        middle = (too_small + found) // 2
        too_small, found = (too_small, middle) if meets(middle) else (middle, found)
    return growing[found]


def _drop_disconnected(subject: Subject, keep: Keep, target: float, loss_of: Callable[[Keep], float]) -> Keep:
    """The nodes that have a path from tokens to logits, unless the loss then misses a target that it met."""
    fewer = connected(subject.model, keep)
    if count_kept(fewer) == count_kept(keep):
        return keep
    return fewer if loss_of(fewer) <= max(target, loss_of(keep) + 1e-3) else keep
