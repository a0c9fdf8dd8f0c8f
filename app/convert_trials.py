"""Trials of `model/` as they cross the wire: failures, stress curves, rules."""

from collections.abc import Sequence

from app import urls
from app.convert import interval, measure, prompt_pair
from app.schemas import CircuitDetail
from app.schemas import trials as wire
from model.failures import by_disagreement
from model.measure import Outcome
from model.measure import interval as interval_of
from model.rules.bench import Bench, agreement
from model.rules.words import FUNCTIONS, WORDS
from model.sites import Node
from model.stress.curve import Point, TooLong
from model.stress.sweeps import Sweep
from model.tasks.pair import PromptPair

N_DISAGREE = 12
TYPE_WORDS = {"truth": "true or false", "number": "number", "text": "text", "texts": "text; text at a place"}
EXAMPLES = (
    "quote_open == '\"'",
    "depth_square == 1",
    'last_keyword in ["for", "with"]',
    'count("[") - count("]") == 1',
    "word[-2] == answer_1",
)

#: A prompt, its right and wrong answer, and its class, 1 or 2.
Prompt = tuple[str, tuple[str, str], int | None]


def prompts_of(pairs: Sequence[PromptPair]) -> list[Prompt]:
    """Prompts in a batch's order."""
    return [
        (pair.prompts[side], (pair.answers[side], pair.answers[1 - side]), side + 1)
        for side in (0, 1)
        for pair in pairs
    ]


def failures(
    record: CircuitDetail, full: Outcome, kept: Outcome, prompts: Sequence[Prompt], limit: int, *, own: bool = False
) -> wire.Failures:
    differences = full.logit_diff.tolist(), kept.logit_diff.tolist()
    right = (full.logit_diff.sigmoid().tolist(), kept.logit_diff.sigmoid().tolist())
    alike = ((full.logit_diff > 0) == (kept.logit_diff > 0)).float()
    return wire.Failures(
        circuit=record.id,
        url=urls.failures(record.id),
        calibrated=record.calibration is not None,
        split="own" if own else "heldout",
        n_prompts=len(prompts),
        n_opposite=int((alike == 0).sum()),
        n_model_wrong=int((full.logit_diff <= 0).sum()),
        n_circuit_wrong=int((kept.logit_diff <= 0).sum()),
        agreement=interval(interval_of(alike if own else full.per_pair(alike))),
        failures=[
            wire.Failure(
                prompt=prompts[i][0],
                answer=prompts[i][1][0],
                wrong_answer=prompts[i][1][1],
                number=prompts[i][2],
                full_model_logit_diff=differences[0][i],
                circuit_logit_diff=differences[1][i],
                full_model_probability=right[0][i],
                circuit_probability=right[1][i],
                gap_nats=abs(differences[0][i] - differences[1][i]),
                opposite=not alike[i],
            )
            for i in list(by_disagreement(full, kept))[:limit]
        ],
    )


# -- stress ----------------------------------------------------------------------------------


def sweep(value: Sweep) -> wire.SweepSummary:
    return wire.SweepSummary(name=value.name, words=value.words, why=value.why, values=list(value.values))


def stress_curve(
    record: CircuitDetail, of: Sweep, key: Node | None, found: Sequence[Point | TooLong], block_size: int, seed: int
) -> wire.StressCurve:
    limit = None
    for item in found:
        if isinstance(item, TooLong):
            limit = (
                f"The curve ends before {item.value:,} {of.words}: the shortest such prompt has {item.n_tokens:,} "
                f"tokens and the model reads at most {block_size:,}."
            )
    return wire.StressCurve(
        sweep=sweep(of),
        calibrated=record.calibration is not None,
        key_node=None if key is None else str(key),
        points=[_point(item) for item in found if isinstance(item, Point)],
        limit=limit,
        block_size=block_size,
        seed=seed,
    )


def _point(point: Point) -> wire.StressPoint:
    key = point.key
    return wire.StressPoint(
        value=point.value,
        n_pairs=point.n_pairs,
        n_tokens=point.n_tokens,
        full_model=measure(point.full_model),
        circuit=measure(point.circuit),
        key=None
        if key is None
        else wire.KeyNodePoint(
            class_1=interval(key.class_1), class_2=interval(key.class_2), difference=interval(key.difference)
        ),
        example=prompt_pair(point.example),
    )


# -- rules -----------------------------------------------------------------------------------


def rule_bench(record: CircuitDetail, url: str, rule: str | None) -> wire.RuleBench:
    """The language, with no result yet."""
    return wire.RuleBench(
        circuit=record.id,
        url=url,
        answers=record.example.answers,
        words=[wire.RuleWord(name=w.name, type=TYPE_WORDS[w.type], meaning=w.meaning) for w in WORDS.values()],
        functions=[
            wire.RuleWord(name=name, type=TYPE_WORDS[kind], meaning=meaning)
            for name, (kind, meaning) in FUNCTIONS.items()
        ],
        examples=list(EXAMPLES),
        rule=rule,
        result=None,
        fault=None,
    )


def rule_result(record: CircuitDetail, rule: str, found: Bench, pairs: Sequence[PromptPair]) -> wire.RuleResult:
    against = found.disagreeing()

    def said(first: bool, number: int) -> str:
        return pairs[number % len(pairs)].answers[0 if first else 1]

    return wire.RuleResult(
        rule=rule,
        calibrated=record.calibration is not None,
        n_pairs=len(pairs),
        rule_circuit=interval(agreement(found.rule, found.circuit)),
        rule_model=interval(agreement(found.rule, found.model)),
        rule_truth=interval(agreement(found.rule, found.truth)),
        circuit_model=interval(agreement(found.circuit, found.model)),
        circuit_truth=interval(agreement(found.circuit, found.truth)),
        n_disagree=len(against),
        disagree=[
            wire.RulePrompt(
                prompt=pairs[i % len(pairs)].prompts[i // len(pairs)],
                number=1 if i < len(pairs) else 2,
                rule=said(bool(found.rule[i]), i),
                circuit=said(bool(found.circuit[i]), i),
                full_model=said(bool(found.model[i]), i),
                truth=said(bool(found.truth[i]), i),
            )
            for i in against[:N_DISAGREE]
        ],
    )
