"""A sweep measured: full model, circuit, and what the circuit's key node does, at each value that fits the context."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from model.ablate import compiled
from model.activations import record
from model.batch import PairBatch, encode_pairs
from model.circuit import Circuit
from model.errors import InputError
from model.measure import Interval, Outcome, interval, measure
from model.sites import Node
from model.stress.sweeps import Sweep
from model.subject import Subject
from model.tasks.pair import PromptPair

TRIES_A_PAIR = 6


@dataclass(frozen=True)
class KeyNode:
    """The key node at the last token: its mean in class 1, in class 2, and their difference pair by pair."""

    class_1: Interval
    class_2: Interval
    difference: Interval


@dataclass(frozen=True)
class Point:
    """One value of a sweep; `key` is null for a circuit without nodes."""

    value: int
    n_pairs: int
    n_tokens: int
    full_model: Outcome
    circuit: Outcome
    key: KeyNode | None
    example: PromptPair


@dataclass(frozen=True)
class TooLong:
    """A value at which no pair fits: the shortest prompt tried has so many tokens."""

    value: int
    n_tokens: int


def curve(
    subject: Subject, circuit: Circuit, key: Node | None, sweep: Sweep, *, n_pairs: int, seed: int = 0
) -> Iterator[Point | TooLong]:
    """Every value of a sweep, up to the first that does not fit. The same seed makes the same prompts."""
    inside = compiled(subject, circuit)
    for value in sweep.values:
        pairs, shortest = fitting_pairs(subject, sweep, value, n_pairs, seed)
        if not pairs:
            yield TooLong(value, shortest)
            return
        batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
        yield Point(
            value=value,
            n_pairs=len(pairs),
            n_tokens=int(batch.last.max()) + 1,
            full_model=measure(subject.model, batch),
            circuit=measure(inside, batch),
            key=None if key is None else key_node(subject, circuit, key, batch),
            example=pairs[0],
        )


def fitting_pairs(subject: Subject, sweep: Sweep, value: int, n_pairs: int, seed: int) -> tuple[list[PromptPair], int]:
    """Up to `n_pairs` distinct pairs that fit the context, and the length of the shortest prompt tried."""
    rng = random.Random(f"{sweep.name}/{value}/{seed}")
    found: dict[PromptPair, None] = {}
    shortest: int | None = None
    for _ in range(TRIES_A_PAIR * n_pairs):
        if len(found) == n_pairs:
            break
        pair = sweep.make(rng, value)
        length = max(len(subject.tokenizer.encode(prompt)) for prompt in pair.prompts)
        shortest = length if shortest is None else min(shortest, length)
        if length <= subject.config.block_size and pair not in found and answerable(subject, pair):
            found[pair] = None
    return list(found), shortest or 0


def answerable(subject: Subject, pair: PromptPair) -> bool:
    """Whether both answers are one token of the model."""
    try:
        for answer in pair.answers:
            subject.tokenizer.token_id(answer)
    except InputError:
        return False
    return True


@torch.no_grad()
def key_of(subject: Subject, circuit: Circuit, strongest: Sequence[Node], batch: PairBatch) -> Node | None:
    """The first of some nodes, strongest first, that tells the classes apart at the last token; None where none does.

    That is: their means differ by more than the values' spread within the classes, and by more than rounding.
    """
    values = record(subject, batch.tokens, batch.last, strongest, circuit).values
    at_last = values.gather(2, batch.last.expand(len(strongest), -1)[..., None])[..., 0].unflatten(1, (2, -1))
    apart = (at_last[:, 0].mean(dim=1) - at_last[:, 1].mean(dim=1)).abs()
    within = at_last.std(dim=2, correction=0).mean(dim=1)
    telling = ((apart > within) & (apart > 1e-5 * at_last.abs().amax(dim=(1, 2)))).tolist()
    return next((node for node, tells in zip(strongest, telling, strict=True) if tells), None)


@torch.no_grad()
def key_node(subject: Subject, circuit: Circuit, node: Node, batch: PairBatch) -> KeyNode:
    values = record(subject, batch.tokens, batch.last, [node], circuit).values[0]
    at_last = values.gather(1, batch.last[:, None])[:, 0].reshape(2, -1).cpu()
    first, second = at_last
    return KeyNode(interval(first), interval(second), interval(first - second))
