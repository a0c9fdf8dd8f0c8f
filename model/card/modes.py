"""What lies outside a circuit, ablated in three ways: at its mean, at zero, or as on another prompt of the batch.

A conclusion that holds under one of them alone is about the ablation, not about the circuit.
"""

import math
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from model.ablate import compiled
from model.batch import PairBatch
from model.calibrate import calibrate
from model.circuit import Circuit
from model.gate import hold, sever
from model.measure import Outcome, logit_difference, measure
from model.subject import Subject
from model.swift import swift

ComplementMode = Literal["mean", "zero", "resample"]
MODES: tuple[ComplementMode, ...] = ("mean", "zero", "resample")
SOLVED_ACCURACY = 0.9


def is_done(accuracy: float, loss_nats: float, target_nats: float) -> bool:
    """Whether a task counts as done: at least 90% of prompts right, and a loss nearer to the target than to a coin's.

    A coin's loss is ln 2; the line is halfway between it and the target.
    """
    return accuracy >= SOLVED_ACCURACY and loss_nats <= (target_nats + math.log(2)) / 2


def solved(outcome: Outcome, target_nats: float) -> bool:
    """`is_done` of what was just run."""
    return is_done(float((outcome.logit_diff > 0).float().mean()), outcome.loss_nats, target_nats)


@torch.no_grad()
def complement(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    mode: ComplementMode,
    *,
    seed: int = 0,
    prompts_at_once: int = 32,
) -> Outcome:
    """The circuit as it is, every other node ablated in one way; cut edges carry their source's mean in all three.

    `resample`: another prompt of the batch, drawn by `seed`, gives all nodes outside their values, token by token;
    where it is shorter, its last token's. Logits as they are: what the rest adds to them differs with the mode, so a
    calibration fitted under one fits no other (`refitted`).
    """
    if mode == "mean":
        return measure(compiled(subject, circuit.calibrated(None)), batch)
    keep = circuit.keep(subject.config, subject.device)
    donors = donors_of(len(batch.tokens), seed).to(batch.tokens.device)
    parts = []
    for rows in torch.arange(len(batch.tokens), device=batch.tokens.device).split(prompts_at_once):
        width = int(batch.last[rows].max()) + 1
        part = PairBatch(batch.tokens[rows, :width], batch.last[rows], batch.candidates[rows])
        if mode == "zero":
            values = {site: torch.zeros_like(mean) for site, mean in subject.means.items()}
        else:
            values = _donated(subject, batch, donors[rows], width)
        tap = hold(keep, values)
        if circuit.cut_edges:
            tap = sever(circuit.cut_edges, subject.means, subject.model, tap)
        parts.append(logit_difference(swift(subject.model), part, tap))
    return Outcome(torch.cat(parts).cpu())


def refitted(outcome: Outcome) -> Outcome:
    """The same under the scale and shift that suit it best on these very prompts: what it can tell apart at all."""
    return Outcome(calibrate(outcome.logit_diff)(outcome.logit_diff))


def donors_of(n_prompts: int, seed: int) -> Int[Tensor, " prompt"]:
    """For each prompt another one: the next in a shuffled circle, so that none is its own and each gives once."""
    order = torch.randperm(n_prompts, generator=torch.Generator().manual_seed(seed))
    donors = torch.empty(n_prompts, dtype=torch.long)
    donors[order] = order.roll(-1)
    return donors


def _donated(subject: Subject, batch: PairBatch, donors: Tensor, width: int) -> dict[str, Tensor]:
    """Every site on the donors' prompts, [prompt, pos, node], drawn out to `width` tokens by each one's last."""
    last = batch.last[donors]
    at = torch.minimum(torch.arange(width, device=last.device)[None], last[:, None])
    seen: dict[str, Tensor] = {}

    def tap(site: str, x: Tensor) -> Tensor:
        if site in subject.means:
            seen[site] = x.gather(1, at[..., None].expand(-1, -1, x.shape[-1]))
        return x

    swift(subject.model)(batch.tokens[donors], tap=tap, at=last)
    return seen
