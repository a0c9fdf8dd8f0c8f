"""A beam search for the shortest condition that predicts when a node fires.

1. A node fires where its activation lies beyond half of the way from its median to its 99.9th percentile; for a node
   that goes both ways the same below its median, from the 0.1th, one search for each side.
2. Conditions are joined one by one by `and`, `and not`, `or`, at most MOST of them; the BEAM best by F1 go on.
3. A longer one is taken only where its F1 is better by GAIN than that of the best shorter one.
4. The search sees the training half of the documents; precision and recall are those of the other half. A condition
   whose F1 there is below WEAK_BELOW is weak: what makes the node fire is not said in this language.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.labels.atoms import Atoms, Column
from model.measure import Interval
from model.rules.rule import Joined, Node, Not, Rule

MOST = 3
BEAM = 8
GAIN = 0.03
FEWEST_FIRES = 20
WEAK_BELOW = 0.5
#: A side of which the tail is shorter than this share of the other's is no side of its own.
SMALLEST_SIDE = 0.25
N_RESAMPLES = 500

Sign = Literal["positive", "negative"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Firing:
    """Where a node fires on one side of its median, beyond `threshold`."""

    sign: Sign
    threshold: float
    fires: Column


@dataclass(frozen=True)
class Found:
    """The condition, and how well it tells firing tokens on documents that the search never saw."""

    rule: Rule
    train_f1: float
    heldout_f1: float
    precision: Interval | None
    recall: Interval | None
    n_fires: int
    n_predicted: int
    n_tokens: int
    n_documents: int

    @property
    def is_weak(self) -> bool:
        return self.heldout_f1 < WEAK_BELOW


def firings(values: Values) -> Iterator[Firing]:
    """The sides on which a node fires, the larger first; none for a constant node."""
    middle, high, low = (float(np.quantile(values, q)) for q in (0.5, 0.999, 0.001))
    up, down = high - middle, middle - low
    most = max(up, down)
    sides: list[tuple[float, Firing]] = []
    if up > 0 and up >= SMALLEST_SIDE * most:
        bound = middle + up / 2
        sides.append((up, Firing("positive", bound, np.asarray(values > bound))))
    if down > 0 and down >= SMALLEST_SIDE * most:
        bound = middle - down / 2
        sides.append((down, Firing("negative", bound, np.asarray(values < bound))))
    yield from (side for _, side in sorted(sides, key=lambda pair: -pair[0]))


@dataclass(frozen=True)
class _State:
    """A condition of the beam with the tokens at which it holds."""

    parts: tuple[tuple[str, int], ...]  # how each atom was joined, and its number
    holds: Column
    f1: float


class Search:
    """A sample of text: its conditions, and which of its documents each token is of."""

    def __init__(self, atoms: Atoms, documents: NDArray[np.int64]) -> None:
        self.atoms = atoms
        self.documents = documents
        self.train = np.asarray(documents % 2 == 0)
        self.matrix = atoms.holds[:, self.train].astype(np.float32)

    def best(self, fires: Column) -> Found | None:
        """None where the node fires at fewer than 20 training tokens, or nothing tells when."""
        wanted = fires[self.train]
        if int(wanted.sum()) < FEWEST_FIRES or not len(self.matrix):
            return None
        best: _State | None = None
        beam = self._first(wanted)
        for _ in range(MOST):
            if not beam:
                break
            if best is None or beam[0].f1 >= best.f1 + GAIN:
                best = beam[0]
            beam = self._longer(beam, wanted)
        return None if best is None or best.f1 == 0 else self._held_out(best, fires)

    def _first(self, wanted: Column) -> list[_State]:
        """The best single conditions, and their negations."""
        hits, sizes = self.matrix @ wanted.astype(np.float32), self.matrix.sum(axis=1)
        n, total = float(wanted.sum()), float(len(wanted))
        scores = np.concatenate([f1(hits, sizes, n), f1(n - hits, total - sizes, n)])
        states = []
        for place in np.argsort(-scores, kind="stable")[:BEAM]:
            negated, atom = divmod(int(place), len(self.matrix))
            holds = self.matrix[atom] > 0
            states.append(
                _State((("not" if negated else "", atom),), np.asarray(holds != bool(negated)), float(scores[place]))
            )
        return states

    def _longer(self, beam: list[_State], wanted: Column) -> list[_State]:
        """The best of all conditions with one atom more."""
        found: list[tuple[float, int, str, int]] = []
        n = float(wanted.sum())
        held = np.stack([state.holds for state in beam])
        columns = np.concatenate([held, held & wanted, ~held, ~held & wanted]).astype(np.float32)
        inside, hits, outside, hits_outside = np.split(self.matrix @ columns.T, 4, axis=1)
        for i in range(len(beam)):
            size, hit = float(held[i].sum()), float((held[i] & wanted).sum())
            for join, h, s in (
                ("and", hits[:, i], inside[:, i]),
                ("and not", hit - hits[:, i], size - inside[:, i]),
                ("or", hit + hits_outside[:, i], size + outside[:, i]),
            ):
                scores = f1(h, s, n)
                found += [(float(scores[a]), i, join, int(a)) for a in np.argsort(-scores, kind="stable")[:BEAM]]
        longer: list[_State] = []
        seen: set[bytes] = {np.packbits(state.holds).tobytes() for state in beam}
        for score, i, join, atom in sorted(found, key=lambda item: -item[0]):
            holds = _joined(beam[i].holds, join, self.matrix[atom] > 0)
            key = np.packbits(holds).tobytes()
            if key not in seen:
                seen.add(key)
                longer.append(_State((*beam[i].parts, (join, atom)), holds, score))
            if len(longer) == BEAM:
                break
        return longer

    def _held_out(self, state: _State, fires: Column) -> Found:
        rule = Rule(self._written(state))
        (how, atom), *rest = state.parts
        holds = self.atoms.holds[atom] != (how == "not")
        for join, atom in rest:
            holds = _joined(holds, join, self.atoms.holds[atom])
        unseen = ~self.train
        documents, numbers = np.unique(self.documents[unseen], return_inverse=True)
        fires, holds = fires[unseen], holds[unseen]

        def by_document(column: Column) -> Values:
            return np.bincount(numbers, weights=column.astype(np.float64), minlength=len(documents)).astype(np.float64)

        both = by_document(fires & holds)
        return Found(
            rule=rule,
            train_f1=state.f1,
            heldout_f1=2 * float(both.sum()) / max(1, int(holds.sum()) + int(fires.sum())),
            precision=_share(both, by_document(holds)),
            recall=_share(both, by_document(fires)),
            n_fires=int(fires.sum()),
            n_predicted=int(holds.sum()),
            n_tokens=len(fires),
            n_documents=len(documents),
        )

    def _written(self, state: _State) -> Node:
        (how, atom), *rest = state.parts
        node: Node = Not(self.atoms.conditions[atom]) if how == "not" else self.atoms.conditions[atom]
        for join, number in rest:
            other = self.atoms.conditions[number]
            sign = "or" if join == "or" else "and"
            part = Not(other) if join == "and not" else other
            before = node.parts if isinstance(node, Joined) and node.sign == sign else (node,)
            node = Joined(sign, (*before, part))
        return node


def _joined(holds: Column, join: str, other: Column) -> Column:
    if join == "or":
        return np.asarray(holds | other)
    return np.asarray(holds & (~other if join == "and not" else other))


def f1(hits: NDArray[np.float32], predicted: NDArray[np.float32], n_fires: float) -> Values:
    """2 tp / (predicted + fires)."""
    return np.asarray(2 * hits / np.maximum(predicted + n_fires, 1), dtype=np.float64)


def _share(part: Values, whole: Values) -> Interval | None:
    """A ratio of counts, its interval over documents; None where the whole is empty."""
    if not whole.sum():
        return None
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(whole), size=(N_RESAMPLES, len(whole)))
    below = whole[drawn].sum(axis=1)
    ratios = part[drawn].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(float(part.sum() / whole.sum()), float(low), float(high))
