"""The ablation lab: interventions in circuits and models, measured, and kept as records that never change."""

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import torch

from app import convert, convert_circuit, convert_lab, urls
from app.baselines import Baselines
from app.corpus import Corpus
from app.errors import Refusal
from app.experiments import Experiments
from app.schemas import Ablation, AblationRequest
from app.schemas.experiments import Reference
from app.schemas.lab import CorpusEffect, Estimate, NoCorpusEffect, Steering, Sweep, SweepRequest
from app.versions import versions
from model.ablate import Ablation as Change
from model.bench import Bench
from model.circuit import Circuit
from model.corpus_loss import Found, Text, some_windows, why_not
from model.corpus_sample import LONGEST_WINDOW, windows_of
from model.estimate import FEW, of_first, quick
from model.interplay import interplay
from model.intervention import Part, merged
from model.measure import Outcome
from model.steering import at, controls, steered
from model.subject import Subject
from model.sweep import sweep
from model.targets import Targets
from model.tasks.pair import PromptPair

#: Windows of held-out text on which the corpus loss is measured.
N_WINDOWS = 32
MOST_ESTIMATES = 1_000
#: In the full model a steering curve has fewer points and pairs: each point is a pass of the model.
CURVE_IN_CIRCUIT, CURVE_IN_MODEL = (11, 64), (6, 16)
N_CONTROLS, MOST_CURVES = 3, 64


class Plan(NamedTuple):
    """A request that can be done: its parts found, its form settled, its id."""

    subject: Subject
    within: Circuit | None
    task: str
    parts: list[Part]
    request: AblationRequest
    id: str


class Lab:
    """Remembers the last benches, so that one intervention after another records and compiles once."""

    def __init__(self, experiments: Experiments, corpus: Corpus) -> None:
        self.experiments, self.corpus = experiments, corpus
        self.baselines: Baselines = experiments.baselines
        self._bench = lru_cache(maxsize=4)(self._make_bench)
        self._text = lru_cache(maxsize=4)(self._make_text)
        self._estimates: dict[str, Estimate] = {}
        self._curves: dict[str, Steering] = {}
        self.swept = lru_cache(maxsize=32)(self.sweep)

    # -- one intervention or several ---------------------------------------------------------

    def plan(self, request: AblationRequest) -> Plan:
        """Raises a Refusal or an InputError for what cannot be done."""
        target = request.target
        within: Circuit | None = None
        if target.kind == "circuit":
            subject, _, within = self.experiments.circuit(target.circuit)
            task = within.task
        else:
            task = self.experiments.tasks.find(target.task).name
            subject = self.experiments.library.subject(target.model)
        if not (request.nodes or request.interventions):
            raise Refusal(422, "the request sets nothing; give interventions, or nodes with a mode")
        targets = Targets(subject, within)
        parts = merged(Part.of(asked.on, convert_lab.setting(asked), targets) for asked in request.asked())
        parts.sort(key=_place)
        request = _settled(request, parts)
        return Plan(subject, within, task, parts, request, _ablation_id(subject.fingerprint, request, parts))

    def ablate(self, request: AblationRequest) -> tuple[Ablation, bool]:
        """The record, and whether it is new. The same model, target and interventions have one record for ever."""
        plan = self.plan(request)
        store = self.experiments.store
        if store.has_ablation(plan.id):
            return store.ablation(plan.id), False
        return store.keep_ablation(self.measured(plan)), True

    def estimate(self, request: AblationRequest) -> Estimate:
        """From few pairs. Raises a Refusal where all of them are as quick."""
        plan = self.plan(request)
        if plan.request.n_pairs <= FEW:
            raise Refusal(
                409, f"n_pairs is {plan.request.n_pairs}; an estimate is made from {FEW}: ask for the ablation"
            )
        return self._estimate(plan)

    def measured(self, plan: Plan) -> Ablation:
        """All figures of a plan, now."""
        started = time.perf_counter()
        subject, within, task, parts, request, _ = plan
        baseline = self.baselines.of_task(subject.name, task, request.n_pairs, request.seed)
        reference: dict[Reference, Outcome] = {
            "full_model": baseline.full_model,
            "empty_circuit": baseline.empty_circuit,
        }
        before = baseline.full_model
        if within is not None:
            before = self.baselines.of_circuit(subject.name, within, request.n_pairs, request.seed)
            reference["circuit"] = before
            reference |= self._calibrated_references(subject.name, within, request)
        bench = self._bench(subject.name, within, task, request.n_pairs, request.seed)
        after, play = interplay(bench, parts, before)
        change = Change(before, after)
        return Ablation(
            id=plan.id,
            url=urls.ablation(plan.id),
            created_at=datetime.now(UTC),
            request=request,
            model=subject.name,
            model_fingerprint=subject.fingerprint,
            task=task,
            before=convert.measure(before),
            after=convert.measure(after),
            reference={name: convert.measure(value) for name, value in reference.items()},
            calibration=None if within is None else convert_circuit.scaling(within),
            loss_change_nats=convert.interval(change.change),
            changed=convert.changed_pairs(baseline.pairs, change, subject.tokenizer),
            estimate=self._estimated_from(plan, change) if request.n_pairs > FEW else None,
            interplay=None if play is None else convert_lab.interplay_of(parts, play),
            steering=self._steering(plan, bench),
            corpus=self._corpus(plan),
            pairs_fingerprint=pairs_fingerprint(baseline.pairs),
            elapsed_ms=1000 * (time.perf_counter() - started),
            versions=versions() | {"device": subject.device.type},
        )

    def _calibrated_references(self, model: str, within: Circuit, request: AblationRequest) -> dict[Reference, Outcome]:
        """Beside a calibrated circuit: itself on logits as they are, and nothing of it under the same calibration."""
        if within.calibration is None:
            return {}
        nothing = Circuit(within.model_fingerprint, within.task, (), calibration=within.calibration)
        plain = within.calibrated(None)
        return {
            "uncalibrated_circuit": self.baselines.of_circuit(model, plain, request.n_pairs, request.seed),
            "calibrated_empty_circuit": self.baselines.of_circuit(model, nothing, request.n_pairs, request.seed),
        }

    def fresh(self) -> "Lab":
        """A lab that remembers nothing, on the same store and models."""
        lab = Lab(self.experiments, self.corpus)
        lab.baselines = Baselines(self.experiments.library, self.experiments.tasks)
        return lab

    def _make_bench(self, model: str, within: Circuit | None, task: str, n_pairs: int, seed: int) -> Bench:
        batch = self.baselines.of_task(model, task, n_pairs, seed).batch
        return Bench(self.experiments.library.subject(model), batch, within, seed)

    def _estimate(self, plan: Plan) -> Estimate:
        """The same for the same plan: what is stated first is what the record keeps."""
        known = self._estimates.get(plan.id)
        if known is not None:
            return known
        started = time.perf_counter()
        bench = self._bench(plan.subject.name, plan.within, plan.task, FEW, plan.request.seed)
        found = Estimate(
            loss_change_nats=convert.interval(quick(bench, plan.parts)),
            n_pairs=FEW,
            of_pairs=plan.request.n_pairs,
            elapsed_ms=1000 * (time.perf_counter() - started),
        )
        if len(self._estimates) >= MOST_ESTIMATES:
            self._estimates = {}
        self._estimates[plan.id] = found
        return found

    def _estimated_from(self, plan: Plan, change: Change) -> Estimate:
        """What was stated before the exact figures; else what the first of the measured pairs say."""
        known = self._estimates.get(plan.id)
        if known is not None:
            return known
        started = time.perf_counter()
        found = convert.interval(of_first(change.before, change.after))
        elapsed_ms = 1000 * (time.perf_counter() - started)
        return Estimate(loss_change_nats=found, n_pairs=FEW, of_pairs=plan.request.n_pairs, elapsed_ms=elapsed_ms)

    def _steering(self, plan: Plan, bench: Bench) -> Steering | None:
        """All of t at once: the same for every place of the slider, so remembered while it is moved."""
        if not any(part.setting.mode == "steer" for part in plan.parts):
            return None
        known = self._curves.get(key := _curve_key(plan))
        if known is not None:
            return known
        n_points, n_pairs = CURVE_IN_MODEL if plan.within is None else CURVE_IN_CIRCUIT
        if bench.batch.n_pairs > n_pairs:
            few = bench.batch.select(torch.arange(n_pairs, device=bench.batch.tokens.device))
            bench = Bench(plan.subject, few, plan.within, plan.request.seed)
        ts = [i / (n_points - 1) for i in range(n_points)]
        drawn = controls(plan.parts, Targets(plan.subject, plan.within), N_CONTROLS, plan.request.seed)
        asked = (plan.parts, *(control.parts for control in drawn))
        steering = (part for parts in asked for part in parts if part.setting.mode == "steer")
        bench.recordings.of([node for part in steering for node in part.nodes])  # all in one pass
        found = Steering(
            curve=convert_lab.curve(steered(bench, plan.parts, ts)),
            controls=[convert_lab.control(control, steered(bench, control.parts, ts)) for control in drawn],
            n_pairs=bench.batch.n_pairs,
        )
        if len(self._curves) >= MOST_CURVES:
            self._curves = {}
        self._curves[key] = found
        return found

    # -- what else it breaks -----------------------------------------------------------------

    def _corpus(self, plan: Plan) -> CorpusEffect | NoCorpusEffect:
        reason = why_not(plan.parts)
        if plan.within is not None:
            reason = "a circuit alone does not read the corpus: all else is at its mean; intervene in the full model"
        elif plan.subject.language not in self.corpus.languages():
            reason = f"there is no held-out text for models that read {plan.subject.language}"
        if reason is not None:
            return NoCorpusEffect(kind="none", reason=reason)
        text = self._text(plan.subject.name)
        if len(text.windows) < 2:
            return NoCorpusEffect(kind="none", reason="the held-out text is shorter than two windows of this model")
        return convert_lab.corpus(Found(text.before, text.losses(plan.parts, plan.request.seed), text.n_tokens))

    def _make_text(self, model: str) -> Text:
        subject = self.experiments.library.subject(model)
        width = min(LONGEST_WINDOW, subject.config.block_size)
        documents = self.corpus.documents(subject.language)
        return Text(subject, some_windows(windows_of(documents, subject.tokenizer, width), N_WINDOWS))

    # -- sweeps ------------------------------------------------------------------------------

    def sweep(self, circuit_id: str, request: SweepRequest) -> Sweep:
        """Every node and every edge of a circuit alone; `swept` is the same, remembered for a while."""
        started = time.perf_counter()
        subject, record, circuit = self.experiments.circuit(circuit_id)
        bench = self._bench(subject.name, circuit, circuit.task, request.n_pairs, request.seed)
        found = sweep(bench, request.mode)
        return convert_lab.sweep_of(request, record, subject, found, 1000 * (time.perf_counter() - started))


def pairs_fingerprint(pairs: Sequence[PromptPair]) -> str:
    text = json.dumps([[pair.prompts, pair.answers] for pair in pairs])
    return hashlib.sha256(text.encode()).hexdigest()


def _place(part: Part) -> tuple[int, int, tuple[str, int], str]:
    """Nodes in forward order, then groups, then edges; the order in which parts were asked decides nothing."""
    kind = 2 if part.edges else 0 if ":" in part.on else 1
    first = part.nodes[0] if part.nodes else part.edges[0].source
    return kind, first.layer, first, part.on


def _settled(request: AblationRequest, parts: Sequence[Part]) -> AblationRequest:
    """The one form of a request: nodes cut in one mode in the short form, all else as interventions."""
    modes = {part.setting.mode for part in parts}
    if all(":" in part.on and part.nodes for part in parts) and modes in ({"mean"}, {"zero"}):
        mode = "mean" if modes == {"mean"} else "zero"
        short = {"nodes": [part.on for part in parts], "mode": mode, "interventions": []}
        return request.model_copy(update=short)
    asked = [convert_lab.asked(part) for part in parts]
    return request.model_copy(update={"nodes": [], "mode": "mean", "interventions": asked})


def _curve_key(plan: Plan) -> str:
    """The plan with every steered part at t = 0."""
    return _ablation_id(plan.subject.fingerprint, plan.request, [at(part, 0.0) for part in plan.parts])


def _ablation_id(fingerprint: str, request: AblationRequest, parts: Sequence[Part]) -> str:
    """16 hex digits of a hash of all that decides the numbers; a model's name is not among it."""
    target = request.target
    content = {
        "format": "sparsescope-ablation/2",
        "model_fingerprint": fingerprint,
        "circuit" if target.kind == "circuit" else "task": target.circuit if target.kind == "circuit" else target.task,
        "parts": [[part.on, part.setting.mode, part.setting.amount] for part in parts],
        "n_pairs": request.n_pairs,
        "seed": request.seed,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
