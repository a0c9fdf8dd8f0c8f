"""What a circuit may be believed for: rules over the card's figures, and one sentence made of them.

Each rule holds, fails or is open for want of its control. The rules, with what makes each fail:

| rule | fails where |
|---|---|
| model_does_task | the full model does not do the task on held-out pairs: what does it then is the pruning's making |
| sufficient | the circuit does not do the task on held-out pairs (`modes.solved`) |
| necessary | the full model without the circuit's nodes still does the task, or loses no loss |
| not_from_calibration | the empty circuit, as it is or under its best scale and shift, does the task; or the circuit's
  logits must be multiplied by more than LARGEST_SCALE |
| better_than_random | 5% or more of random circuits of the same size per site do as well |
| same_under_every_ablation | zero, mean and resample ablation of what lies outside do not agree that the task is done |
| not_from_shuffled_weights | on shuffled weights the same pruning meets the target with at most twice the nodes |
| not_from_shuffled_labels | on shuffled labels it does |
| nodes_keep_their_meaning | a quarter or more of the nodes do something else in the circuit than in the full model |
| holds_elsewhere | of the kinds of prompts unlike its own that the full model does, the circuit does half or fewer |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["holds", "fails", "open"]
Level = Literal["not_believed", "doubted", "unproven", "believed"]

#: A circuit whose logits need a larger scale restores less than a tenth of what decides the answer.
LARGEST_SCALE = 10.0
RANDOM_SHARE = 0.05
TIMES_LARGER = 2.0
CHANGED_SHARE = 0.25
ELSEWHERE_SHARE = 0.5
#: Where one of the first two rules fails there is nothing to be believed.
N_FATAL = 2
WITH_REST = {"mean": "at its mean", "zero": "at zero", "resample": "resampled"}


@dataclass(frozen=True)
class Reached:
    """What the same pruning came to on a model of nothing; `quick_steps` where it had fewer than the circuit's."""

    n_nodes: int
    reached_target: bool
    quick_steps: int | None = None


@dataclass(frozen=True)
class Alone:
    """What calibration does without the circuit: the empty one's loss, nats, as it is and under its best scale and
    shift; `scale` is the circuit's own, null where it is not calibrated."""

    empty_nats: float
    refitted_nats: float
    solved: bool
    scale: float | None


@dataclass(frozen=True)
class Figures:
    """What the rules read; None where a control is missing. Losses are nats on held-out pairs."""

    n_nodes: int
    n_pairs: int
    target_nats: float
    loss_nats: float
    accuracy: float
    solved: bool
    full_nats: float
    full_accuracy: float
    full_solved: bool
    solved_without: bool | None = None
    rise_low_nats: float | None = None
    alone: Alone | None = None
    random_share: float | None = None
    solved_by_mode: Mapping[str, bool] | None = None
    shuffled_weights: Reached | None = None
    shuffled_labels: Reached | None = None
    changed_share: float | None = None
    solved_elsewhere: Sequence[tuple[bool, bool]] | None = None  # full model, circuit


@dataclass(frozen=True)
class Finding:
    """One rule: its status, and why, in words that go on after the sentence's "because" where it fails."""

    rule: str
    status: Status
    words: str


@dataclass(frozen=True)
class Verdict:
    level: Level
    sentence: str
    findings: tuple[Finding, ...]


def verdict(figures: Figures) -> Verdict:
    """The rules in their order, and the sentence."""
    findings = (
        _model(figures),
        _sufficient(figures),
        _necessary(figures),
        _calibration(figures),
        _random(figures),
        _modes(figures),
        _shuffled("not_from_shuffled_weights", "weights", figures.n_nodes, figures.shuffled_weights),
        _shuffled("not_from_shuffled_labels", "labels", figures.n_nodes, figures.shuffled_labels),
        _meaning(figures),
        _elsewhere(figures),
    )
    level = _level(findings)
    return Verdict(level, _sentence(level, figures, findings), findings)


def _level(findings: Sequence[Finding]) -> Level:
    if any(finding.status == "fails" for finding in findings[:N_FATAL]):
        return "not_believed"
    if any(finding.status == "fails" for finding in findings):
        return "doubted"
    return "unproven" if any(finding.status == "open" for finding in findings) else "believed"


def _sentence(level: Level, figures: Figures, findings: Sequence[Finding]) -> str:
    if level == "not_believed":
        why = [finding.words for finding in findings[:N_FATAL] if finding.status == "fails"]
        return f"Believe nothing of this circuit: {_listed(why)}."
    nodes = f"{figures.n_nodes:,} node{'s' if figures.n_nodes != 1 else ''}"
    sentence = (
        f"Believe that these {nodes} are enough for the task on prompts like its own "
        f"({figures.loss_nats:.3f} nats on {figures.n_pairs:,} held-out pairs)"
    )
    if any(finding.rule == "necessary" and finding.status == "holds" for finding in findings):
        sentence += ", and that the model needs them for it"
    failed = [finding.words for finding in findings if finding.status == "fails"]
    n_open = sum(finding.status == "open" for finding in findings)
    if level == "believed":
        return f"{sentence}; every control here speaks for it."
    if failed:
        sentence += f"; do not believe that they are how the model does it, because {_listed(failed)}"
    if n_open:
        controls = f"{n_open} of {len(findings)} controls {'is' if n_open == 1 else 'are'} still missing"
        sentence += f"; {controls}" if failed else f"; how the model does it is unproven, for {controls}"
    return f"{sentence}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# -- the rules -------------------------------------------------------------------------------


def _model(f: Figures) -> Finding:
    figures = f"({f.full_nats:.3f} nats, {100 * f.full_accuracy:.0f}% of prompts right)"
    if not f.full_solved:
        words = f"the full model does not do the task {figures}, so there is nothing of it that a circuit could show"
        return Finding("model_does_task", "fails", words)
    return Finding("model_does_task", "holds", f"the full model does the task {figures}")


def _sufficient(f: Figures) -> Finding:
    figures = f"its held-out loss is {f.loss_nats:.3f} nats with {100 * f.accuracy:.0f}% of prompts right"
    if not f.solved:
        return Finding("sufficient", "fails", f"{figures}, so it does not do the task")
    target = "meets" if f.loss_nats <= f.target_nats else "does the task but misses"
    return Finding("sufficient", "holds", f"{figures}: it {target} its target of {f.target_nats:g}")


def _necessary(f: Figures) -> Finding:
    if f.solved_without is None or f.rise_low_nats is None:
        return Finding("necessary", "open", "nobody has cut it from the full model")
    if f.solved_without:
        return Finding("necessary", "fails", "the full model does the task without them")
    if f.rise_low_nats <= 0:
        return Finding("necessary", "fails", "the full model is no worse without them")
    return Finding("necessary", "holds", "the full model cannot do the task without them")


def _calibration(f: Figures) -> Finding:
    rule = "not_from_calibration"
    if f.alone is None:
        return Finding(rule, "open", "nobody has asked what scale and shift alone would do")
    empty, best, scale = f.alone.empty_nats, f.alone.refitted_nats, f.alone.scale
    if f.alone.solved:
        how = "under its best scale and shift" if best < empty else "as it is"
        words = f"the empty circuit {how} does the task at {min(best, empty):.3f} nats, from the last token alone"
        return Finding(rule, "fails", words)
    without = f"the empty circuit under its best scale and shift stays at {best:.3f} nats"
    if scale is None:
        return Finding(rule, "holds", f"{without}, and the circuit's logits are as they are")
    if scale > LARGEST_SCALE:
        return Finding(rule, "fails", f"its logits must be multiplied by {scale:,.3g} before they decide anything")
    return Finding(rule, "holds", f"{without}; the circuit's logits are multiplied by {scale:.3g}")


def _random(f: Figures) -> Finding:
    rule = "better_than_random"
    if f.random_share is None:
        return Finding(rule, "open", "no random circuits have been drawn")
    share = f"{100 * f.random_share:.0f}% of random circuits of its size do as well"
    if f.random_share >= RANDOM_SHARE:
        return Finding(rule, "fails", share)
    return Finding(rule, "holds", share if f.random_share else "no random circuit of its size does as well")


def _modes(f: Figures) -> Finding:
    rule = "same_under_every_ablation"
    if f.solved_by_mode is None:
        return Finding(rule, "open", "what lies outside has been held at its mean alone")
    done = [WITH_REST[mode] for mode, solved in f.solved_by_mode.items() if solved]
    if 0 < len(done) < len(f.solved_by_mode):
        return Finding(rule, "fails", f"the circuit does the task only with the rest {_listed(done)}")
    does = "does the task" if done else "fails the task"
    every = _listed([WITH_REST[mode] for mode in f.solved_by_mode])
    return Finding(rule, "holds", f"it {does} with the rest {every} alike")


def _shuffled(rule: str, what: str, n_nodes: int, found: Reached | None) -> Finding:
    if found is None:
        return Finding(rule, "open", f"nothing has been pruned with shuffled {what}")
    pruning = "the same pruning"
    if found.quick_steps is not None:
        pruning = f"a quick run of the same pruning ({found.quick_steps:,} steps)"
    if found.reached_target and found.n_nodes <= TIMES_LARGER * n_nodes:
        words = f"{pruning} meets the target with shuffled {what} and {found.n_nodes:,} nodes"
        return Finding(rule, "fails", words)
    if found.reached_target:
        return Finding(rule, "holds", f"with shuffled {what} {pruning} needs {found.n_nodes:,} nodes")
    return Finding(rule, "holds", f"with shuffled {what} {pruning} never meets the target")


def _meaning(f: Figures) -> Finding:
    rule = "nodes_keep_their_meaning"
    if f.changed_share is None:
        return Finding(rule, "open", "nobody has compared its nodes on text inside and outside")
    words = f"{100 * f.changed_share:.0f}% of its nodes do something else in it than in the full model"
    return Finding(rule, "fails" if f.changed_share >= CHANGED_SHARE else "holds", words)


def _elsewhere(f: Figures) -> Finding:
    rule = "holds_elsewhere"
    if f.solved_elsewhere is None:
        return Finding(rule, "open", "it has seen no prompts unlike its own")
    able = [circuit for full, circuit in f.solved_elsewhere if full]
    if not able:
        return Finding(rule, "open", "the full model itself does no prompts unlike the task's own")
    words = f"the circuit does {sum(able)} of the {len(able)} kinds of other prompts that the full model does"
    return Finding(rule, "holds" if sum(able) > ELSEWHERE_SHARE * len(able) else "fails", words)
