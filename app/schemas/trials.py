"""A circuit on trial: where it fails, where it breaks under stress, how well a rule tells what it does, node labels."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Interval, Measure, PromptPair, Wire


class Failure(Wire):
    """One prompt, answered by model and circuit. Logit differences are right minus wrong answer, nats."""

    prompt: str
    answer: str
    wrong_answer: str
    number: int | None = Field(description="which class of its pair, 1 or 2; null for a prompt of one's own")
    full_model_logit_diff: float
    circuit_logit_diff: float
    full_model_probability: float = Field(description="of the right answer, of the two")
    circuit_probability: float
    gap_nats: float = Field(description="distance between the two logit differences")
    opposite: bool = Field(description="whether model and circuit give different answers")


class Failures(Wire):
    """Prompts ranked by disagreement: opposite answers first, then by the gap. Figures are exact.

    The full model's logits are as they are; the circuit's are calibrated where `calibrated` says so.
    """

    circuit: str
    url: str
    calibrated: bool
    split: Literal["heldout", "own"]
    n_prompts: int
    n_opposite: int
    n_model_wrong: int
    n_circuit_wrong: int
    agreement: Interval = Field(description="share of prompts that both answer alike")
    failures: list[Failure]


class OwnPrompts(Wire):
    """Prompts of one's own; without `candidates`, the task's answers: the first counts as right."""

    prompts: list[Annotated[str, Field(min_length=1, max_length=20_000)]] = Field(min_length=1, max_length=200)
    candidates: tuple[str, str] | None = None


class SweepSummary(Wire):
    """An axis along which the task can be stretched."""

    name: str
    words: str = Field(description="what the values count")
    why: str
    values: list[int]


class KeyNodePoint(Wire):
    """The key node's activation at the last token, in the circuit."""

    class_1: Interval
    class_2: Interval
    difference: Interval = Field(description="class 1 minus class 2, pair by pair")


class StressPoint(Wire):
    value: int
    n_pairs: int
    n_tokens: int = Field(description="of the longest prompt")
    full_model: Measure
    circuit: Measure
    key: KeyNodePoint | None
    example: PromptPair


class StressCurve(Wire):
    """A sweep measured; `limit` says in a sentence where the model's context ended it. The full model's logits are as
    they are; the circuit's are calibrated where `calibrated` says so."""

    calibrated: bool
    sweep: SweepSummary
    key_node: str | None = Field(
        description="of the nodes that tell the classes apart at the last token, the one whose cut costs most"
    )
    points: list[StressPoint]
    limit: str | None
    block_size: int
    seed: int


class Stress(Wire):
    """The sweeps of a circuit's task, and the one that was asked for."""

    circuit: str
    url: str
    sweeps: list[SweepSummary]
    curve: StressCurve | None


class RuleWord(Wire):
    name: str
    type: str
    meaning: str


class RulePrompt(Wire):
    """A prompt where the rule answers unlike the circuit."""

    prompt: str
    number: Literal[1, 2]
    rule: str
    circuit: str
    full_model: str
    truth: str


class RuleResult(Wire):
    """A rule on held-out prompts: where it holds it says class 1's answer. Shares of prompts, intervals over pairs.

    The circuit answers by its calibrated logits where `calibrated` says so.
    """

    calibrated: bool
    rule: str
    n_pairs: int
    rule_circuit: Interval
    rule_model: Interval
    rule_truth: Interval
    circuit_model: Interval
    circuit_truth: Interval
    n_disagree: int
    disagree: list[RulePrompt] = Field(description="the first 12")


class RuleFault(Wire):
    """What is wrong with a rule, and where: `position` counts characters from 0."""

    position: int
    message: str


class RuleBench(Wire):
    """The language, and the rule that was asked for with its result or its fault."""

    circuit: str
    url: str
    answers: tuple[str, str] = Field(description="class 1's and class 2's, of an example pair")
    words: list[RuleWord]
    functions: list[RuleWord]
    examples: list[str]
    rule: str | None
    result: RuleResult | None
    fault: RuleFault | None


class LabelProposal(Wire):
    """A condition that predicts when a node fires on one side. Precision and recall are on documents that the search
    never saw, intervals over documents."""

    sign: Literal["positive", "negative"]
    threshold: float
    rule: str
    precision: Interval | None = Field(description="of tokens where it holds, the share that fires; null where none")
    recall: Interval | None = Field(description="of firing tokens, the share where it holds; null where none")
    train_f1: float
    heldout_f1: float = Field(description="2 x precision x recall / (precision + recall); 0 where it never hits")
    weak: bool = Field(description="the F1 above is below 0.5: no short condition tells well when the node fires")
    n_fires: int
    n_predicted: int
    n_tokens: int
    n_documents: int
    label: str = Field(description="the rule as a label of at most 80 characters")


class LabelProposals(Wire):
    """A proposal for each side on which the node fires, the one first that fits the searched half of the documents
    best; `why_none` says why there is none."""

    circuit: str
    node: str
    within: Literal["model", "circuit"]
    proposals: list[LabelProposal]
    why_none: str | None
    elapsed_ms: float
