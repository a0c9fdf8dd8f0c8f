"""From a circuit to the steps of its program: every cut node a constant, every constant where it joins.

1. The stream is followed channel by channel where the circuit reads or writes it; of the other channels only two
   things matter, a sum of squares for the norm and what they add to the candidates, both by token: tables.
2. A block that keeps no delta writes a constant. In the others each kept node is a step.
3. A head whose keys are all cut averages; what is cut of q and k is a constant factor in its score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from model.calibrate import Calibration
from model.circuit import Circuit, Keep
from model.errors import InputError
from model.program.block import Wired, attention_steps, mlp_steps
from model.program.steps import Begin, Contest, Hold, Linear, Logits, Norm, Numbers, Position, Read, Rivals, Shift, Step
from model.sites import FINAL, Node
from model.subject import Subject
from model.transformer import Norm as NormModule


class Rest(NamedTuple):
    """Of the channels that the circuit leaves alone, by token: their squares summed, and under LayerNorm their sum."""

    squares: Numbers
    sums: Numbers | None


@dataclass(frozen=True)
class Candidate:
    """What decides one token's logit: weights from channels, and tables by the last token."""

    token: int
    unembed: dict[int, float]
    static: Numbers
    centre: float
    added: float
    bigram: Numbers | None


@dataclass(frozen=True)
class Plan:
    """Everything that a program needs. `embed[c]` is by token; `others` are the channels left alone, where needed."""

    steps: tuple[Step, ...]
    embed: dict[int, Numbers]
    positions: dict[int, Numbers]
    others: Numbers | None
    rest: tuple[Rest, ...]
    candidates: tuple[Candidate, ...]
    answers: tuple[int, int]
    calibration: Calibration | None
    d_model: int
    block_size: int
    layer_norm: bool
    unused: tuple[Node, ...]

    def with_steps(self, steps: Sequence[Step]) -> "Plan":
        return replace(self, steps=tuple(steps))


def array(x: Tensor) -> Numbers:
    return x.detach().cpu().double().numpy()


def plan_of(subject: Subject, circuit: Circuit, answers: tuple[int, int], candidates: Sequence[int]) -> Plan:
    """`answers` are the two candidates of the example, class 1's first; `candidates` all that the task knows.

    Raises InputError where AbsTopK acts on the residual stream itself: there nothing is a constant.
    """
    config = subject.config
    if any(config.kept_by_abs_topk(f"resid_post_{part}", config.d_model) is not None for part in ("attn", "mlp")):
        raise InputError("this model has AbsTopK on the residual stream itself, where no part of a circuit is constant;"
                         " a program can be written of circuits of other models")  # fmt: skip
    return _Planner(subject, circuit).plan(answers, candidates)


class _Planner:
    def __init__(self, subject: Subject, circuit: Circuit) -> None:
        self.model, self.config, self.means = subject.model, subject.config, subject.means
        self.circuit = circuit
        self.keep: Keep = circuit.keep(self.config)
        self.masked = ~self.keep.pop(FINAL).cpu().numpy() if circuit.final_resid is not None else None
        self.cut = {(edge.source, edge.target) for edge in circuit.cut_edges}
        self.adds_positions = self.config.add_positions and not self.config.d_pos_emb
        self.blocks = [
            (layer, part)
            for layer in range(self.config.n_layer)
            for part in ("attn", "mlp")
            if bool(self.keep[f"{layer}.{part}.resid_delta"].any())
        ]
        self.channels = self._channels()
        self.alone = np.setdiff1d(np.arange(self.config.d_model), self.channels)
        self.embedding = array(self.model.wte.weight)
        self.constants = np.zeros(self.config.d_model)
        self.rest: list[Rest] = []

    def _channels(self) -> list[int]:
        """The channels that the circuit reads or writes; all where positions are added, which rest on no token."""
        if self.adds_positions:
            return list(range(self.config.d_model))
        found: set[int] = set()
        for layer, part in self.blocks:
            for name in ("act_in", "resid_delta"):
                found |= {i for i in self._kept(f"{layer}.{part}.{name}") if i < self.config.d_model}
        return sorted(found)

    def _kept(self, site: str) -> list[int]:
        return cast(list[int], self.keep[site].nonzero().flatten().tolist())

    def plan(self, answers: tuple[int, int], candidates: Sequence[int]) -> Plan:
        steps = list(self._steps())
        done = {step.node for step in steps if isinstance(step, (Read, Position, Linear))}
        wpe = array(self.model.wpe.weight) if self.adds_positions else None
        contested = any(isinstance(step, Contest) and step.rivals.norm for step in steps)
        return Plan(
            steps=tuple(steps),
            embed={c: self.embedding[:, c] for c in self.channels},
            positions={} if wpe is None else {c: wpe[:, c] for c in self.channels},
            others=self.embedding[:, self.alone] if contested else None,
            rest=tuple(self.rest),
            candidates=tuple(self._candidate(token) for token in candidates),
            answers=answers,
            calibration=self.circuit.calibration,
            d_model=self.config.d_model,
            block_size=self.config.block_size,
            layer_norm=not self.config.rms_norm,
            unused=tuple(node for node in self.circuit.nodes if node not in done),
        )

    def _steps(self) -> Iterator[Step]:
        pending = np.zeros(self.config.d_model)
        for layer in range(self.config.n_layer):
            for part in ("attn", "mlp"):
                site = f"{layer}.{part}"
                if (layer, part) in self.blocks:
                    yield Begin(site)
                    yield from self._normed(pending, f"r{layer}{part[0]}")
                    pending = np.zeros(self.config.d_model)
                    yield from self._block(layer, part)
                kept = self.keep[f"{site}.resid_delta"].cpu().numpy()
                pending += np.where(kept, 0.0, array(self.means[f"{site}.resid_delta"]))
        yield Begin("readout")
        yield from self._normed(pending, "r", last=True)
        yield Logits("r", not self.config.rms_norm)

    def _normed(self, pending: Numbers, name: str, last: bool = False) -> Iterator[Step]:
        self.constants = self.constants + pending
        moved = {c: float(pending[c]) for c in self.channels if pending[c]}
        if moved:
            yield Shift(moved)
        if last and self.masked is not None:
            mean = array(self.means[FINAL])
            held = {c: float(mean[c]) for c in self.channels if self.masked[c]}
            if held:
                yield Hold(held)
        alone = self._left_alone(last)
        layer_norm = not self.config.rms_norm
        self.rest.append(Rest((alone**2).sum(axis=1), alone.sum(axis=1) if layer_norm else None))
        yield Norm(layer_norm, len(self.rest) - 1, name)

    def _left_alone(self, last: bool = False) -> Numbers:
        """By token, what the circuit leaves alone; channels masked before the last norm are at their means."""
        alone = self.embedding[:, self.alone] + self.constants[self.alone]
        if not last or self.masked is None:
            return alone
        return np.where(self.masked[self.alone], array(self.means[FINAL])[self.alone], alone)

    def _block(self, layer: int, part: str) -> Iterator[Step]:
        block, config, site = self.model.blocks[layer], self.config, f"{layer}.{part}"
        norm, letter = (block.ln_1, "a") if part == "attn" else (block.ln_2, "m")
        gain, bias = _gain_and_bias(norm)
        nodes = self._kept(f"{site}.act_in")
        names = {i: f"{letter}{layer}_{i}" for i in nodes}
        r = f"r{layer}{part[0]}"
        positions = self._positions(block, part)
        for i in nodes:
            node = Node(f"{site}.act_in", i)
            if i < config.d_model:
                yield Read(names[i], node, i, float(gain[i]), float(bias[i]), not config.rms_norm, r)
            else:
                assert positions is not None
                yield Position(names[i], node, positions[:, i - config.d_model])
        kept_by = config.kept_by_abs_topk(f"{part}_in", config.d_block_in)
        if kept_by is not None and nodes:
            unread = [c for c in self.channels if c not in names]
            order = [*self.alone.tolist(), *unread]
            free = [j for j in range(config.d_pos_emb or 0) if j + config.d_model not in names]
            yield Contest(
                f"{site}.act_in", tuple(names.values()), kept_by,
                Rivals(
                    f"{letter}{layer}", (), np.zeros((0, 0)), self.constants[self.alone], norm=r,
                    channels=tuple(unread), gain=gain[order], bias=bias[order],
                    positions=None if positions is None or not free else positions[:, free],
                ),
            )  # fmt: skip
        wired = Wired(self.keep, self.cut, {site: array(mean) for site, mean in self.means.items()}, names)
        yield from (attention_steps if part == "attn" else mlp_steps)(block, config, wired, layer)

    def _positions(self, block: torch.nn.Module, part: str) -> Numbers | None:
        if not self.config.d_pos_emb:
            return None
        norm = block.ln_p1 if part == "attn" else block.ln_p2
        return array(cast(Tensor, norm(self.model.wpe.weight)))  # type: ignore[operator]

    def _candidate(self, token: int) -> Candidate:
        model = self.model
        row = array(model.lm_head.weight[token])
        gain, bias = _gain_and_bias(model.ln_f)
        alone = self._left_alone(last=True)
        return Candidate(
            token=token,
            unembed={c: float(row[c] * gain[c]) for c in self.channels if row[c] * gain[c]},
            static=alone @ (row * gain)[self.alone],
            centre=0.0 if self.config.rms_norm else float((row * gain).sum()),
            added=float(row @ bias) + float(cast(Tensor, model.final_logits_bias)[token]),
            bigram=array(model.bigram_table[:, token]) if self.config.enable_bigram_table else None,
        )


def _gain_and_bias(norm: NormModule) -> tuple[Numbers, Numbers]:
    gain = array(norm.weight)
    return gain, np.zeros(len(gain)) if norm.bias is None else array(norm.bias)
