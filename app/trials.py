"""A circuit on trial: its failures, its stress curves, and rules beside it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from app import convert_trials as convert
from app import urls
from app.errors import no_such
from app.experiments import Experiments, token_id
from app.once import Once
from app.schemas import CircuitDetail
from app.schemas.trials import Failures, OwnPrompts, RuleBench, RuleFault, Stress, StressCurve
from model.ablate import compiled
from model.batch import PairBatch, encode_prompt, padded
from model.circuit import Circuit
from model.measure import Outcome, measure
from model.rules.bench import bench
from model.rules.parse import RuleError, parse
from model.sites import parse_node
from model.stress.curve import curve, key_of
from model.stress.sweeps import sweeps_of
from model.subject import Subject
from model.tasks.pair import PromptPair

SEED = 0
N_KEY_PAIRS = 32


class Answered(NamedTuple):
    """Held-out pairs as the full model and the circuit answer them."""

    subject: Subject
    record: CircuitDetail
    circuit: Circuit
    pairs: Sequence[PromptPair]
    full: Outcome
    kept: Outcome


class Trials:
    """Works on stored circuits with the models they were made with."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments = experiments
        # Stored circuits never change and prompts are seeded, so a curve need not be drawn twice.
        self._curve = Once(self._make_curve, 64)

    def failures(self, circuit_id: str, n_pairs: int, limit: int) -> Failures:
        """Held-out prompts, those that circuit and model answer most unlike first."""
        found = self._answered(circuit_id, n_pairs)
        return convert.failures(found.record, found.full, found.kept, convert.prompts_of(found.pairs), limit)

    def own_failures(self, circuit_id: str, own: OwnPrompts) -> Failures:
        """The same for prompts of one's own."""
        subject, record, circuit = self.experiments.circuit(circuit_id)
        answers = own.candidates or record.example.answers
        right, wrong = (token_id(subject, text) for text in answers)
        encoded = [encode_prompt(prompt, subject.tokenizer, subject.config.block_size) for prompt in own.prompts]
        tokens, last = padded([*encoded, *encoded], subject.device)  # each twice: a batch is of pairs
        candidates = torch.tensor([[right, wrong]], device=subject.device).repeat(len(tokens), 1)
        batch = PairBatch(tokens, last, candidates)
        n = len(encoded)
        full, kept = (
            Outcome(outcome.logit_diff[:n])
            for outcome in (measure(subject.model, batch), measure(compiled(subject, circuit), batch))
        )
        return convert.failures(record, full, kept, [(prompt, answers, None) for prompt in own.prompts], n, own=True)

    def stress(self, circuit_id: str, sweep: str | None, n_pairs: int) -> Stress:
        """The sweeps of the circuit's task and one of them measured. Raises a 404 Refusal for one that is none."""
        record = self.experiments.store.circuit(circuit_id)
        sweeps = sweeps_of(self.experiments.tasks.find(record.task))
        if sweep is not None and sweep not in [s.name for s in sweeps]:
            raise no_such("sweep", sweep, [s.name for s in sweeps], f"{record.task} has")
        return Stress(
            circuit=circuit_id,
            url=urls.stress(circuit_id),
            sweeps=[convert.sweep(s) for s in sweeps],
            curve=None if sweep is None else self._curve(circuit_id, sweep, n_pairs),
        )

    def _make_curve(self, circuit_id: str, name: str, n_pairs: int) -> StressCurve:
        subject, record, circuit = self.experiments.circuit(circuit_id)
        sweep = next(s for s in sweeps_of(self.experiments.tasks.find(record.task)) if s.name == name)
        by_effect = sorted(record.nodes, key=lambda node: -node.effect_nats)
        strongest = [parse_node(node.id, subject.config) for node in by_effect]
        batch = self.experiments.baselines.of_task(subject.name, record.task, N_KEY_PAIRS, SEED).batch
        key = key_of(subject, circuit, strongest, batch) if strongest else None
        points = list(curve(subject, circuit, key, sweep, n_pairs=n_pairs, seed=SEED))
        return convert.stress_curve(record, sweep, key, points, subject.config.block_size, SEED)

    def rules(self, circuit_id: str, rule: str | None, n_pairs: int) -> RuleBench:
        """The language, and how a rule agrees with circuit, model and truth; or what is wrong with it."""
        record = self.experiments.store.circuit(circuit_id)
        empty = convert.rule_bench(record, urls.rules(circuit_id), rule)
        if rule is None:
            return empty
        try:
            parsed = parse(rule)
        except RuleError as error:
            return empty.model_copy(update={"fault": RuleFault(position=error.position, message=str(error))})
        found = self._answered(circuit_id, n_pairs)
        compared = bench(parsed, found.pairs, found.subject.tokenizer, found.kept, found.full)
        return empty.model_copy(update={"result": convert.rule_result(record, str(parsed), compared, found.pairs)})

    def _answered(self, circuit_id: str, n_pairs: int) -> Answered:
        subject, record, circuit = self.experiments.circuit(circuit_id)
        baseline = self.experiments.baselines.of_task(subject.name, record.task, n_pairs, 0)
        kept = self.experiments.baselines.of_circuit(subject.name, circuit, n_pairs, 0)
        return Answered(subject, record, circuit, baseline.pairs, baseline.full_model, kept)
