"""How soon a run got how small: worked out by hand from the steps that it reports."""

from model.prune import PruneStep
from model.reached import Reached, reached


def step(elapsed_s: float, phase: str, n_edges: int, loss: float) -> PruneStep:
    return PruneStep(phase, int(elapsed_s), 400, loss, 2 * n_edges, n_edges, elapsed_s)


def test_a_size_counts_once_the_mean_loss_of_five_steps_is_at_the_target():
    losses = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]  # means of five: 0.18, then 0.1
    steps = [step(i, "learning", 100 - i, loss) for i, loss in enumerate(losses)]
    assert [(r.elapsed_s, r.n_edges) for r in reached(steps, 0.15)] == [(5, 95)]
    assert [(r.elapsed_s, r.n_edges) for r in reached(steps, 0.19)] == [(4, 96)], "95 is less than 3% smaller"


def test_what_is_not_smaller_or_misses_the_target_is_not_noted_but_what_is_kept_always_is():
    steps = [
        step(1, "bisecting", 50, 0.14), step(2, "bisecting", 20, 0.16), step(3, "bisecting", 30, 0.15),
        step(4, "dropping", 30, 0.1), step(5, "cutting", 25, 0.15), step(6, "calibrating", 28, 0.17),
        step(7, "measuring", 28, 0.17),
    ]  # fmt: skip
    found = reached(steps, 0.15)
    assert [(r.elapsed_s, r.n_edges) for r in found] == [(1, 50), (3, 30), (5, 25), (6, 28)]
    assert found[-1] == Reached(6, "calibrating", 56, 28, 0.17)
    assert reached([], 0.15) == []
