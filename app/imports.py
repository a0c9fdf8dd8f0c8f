"""Circuits and prompt pairs in: the form told from the content, checked against the model, measured, kept."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path

from pydantic import ValidationError

from app import convert_circuit, own_tasks
from app.errors import Refusal, sentence, shortened
from app.experiments import Experiments
from app.pruning import circuit_record
from app.schemas import (
    AnnotatedCircuit,
    CircuitDetail,
    CircuitSummary,
    Provenance,
    PruneSettings,
    TaskRequest,
)
from app.schemas.circuits import ImportedFrom
from app.schemas.imports import ImportCheck, Imported, ImportForm, StoredFigures
from app.versions import versions
from model.activations import last_logits
from model.batch import padded
from model.calibrate import Calibration
from model.circuit import Circuit
from model.errors import InputError
from model.forms.json_values import object_of, parse
from model.forms.released import Released, candidates_of, read_released
from model.forms.replication import read_replication
from model.graph import edges_of
from model.sites import parse_node
from model.subject import Subject
from model.tasks.own import RecordedTask, recorded_task
from model.tasks.pair import PromptPair
from model.tasks.task import Task

#: How far a figure of a file may be from the one measured here and still count as the same.
SAME = 1e-3


@dataclass(frozen=True)
class Given:
    """What a person gave. `model` and `task` are asked for where the file does not say."""

    content: bytes
    file_name: str = ""
    model: str = ""
    task: str = ""
    candidates: str = ""


@dataclass
class Plan:
    """A file understood: what would be kept, and what is said of it."""

    form: ImportForm
    subject: Subject | None = None
    task: Task | None = None
    circuit: Circuit | None = None
    n_edges: int | None = None
    stored: StoredFigures | None = None
    record: CircuitDetail | None = None
    pairs: TaskRequest | None = None
    n_pairs: int | None = None
    example: tuple[str, str] | None = None
    notes: list[str] = field(default_factory=list)


class Imports:
    """Reads what a stranger gave. Nothing is executed, and nothing is kept before all of it is understood."""

    def __init__(self, experiments: Experiments, staging: Path, n_pairs: int) -> None:
        self.experiments = experiments
        self.staging = staging
        self.n_pairs = n_pairs

    def check(self, given: Given) -> ImportCheck:
        """Never refuses: what is wrong is a sentence in `faults`."""
        try:
            plan = self._plan(given)
        except own_tasks.FaultyPairs as error:
            return ImportCheck(form="prompt-pairs", faults=error.more["faults"], notes=[])
        except Refusal as error:
            return ImportCheck(form=None, faults=[error.message], notes=[])
        except InputError as error:
            return ImportCheck(form=None, faults=[str(error)], notes=[])
        return ImportCheck(
            form=plan.form,
            faults=[],
            notes=plan.notes,
            model=None if plan.subject is None else plan.subject.name,
            task=plan.pairs.title if plan.pairs else None if plan.task is None else plan.task.name,
            n_nodes=None if plan.circuit is None else len(plan.circuit.nodes),
            n_edges=plan.n_edges,
            n_pairs=plan.n_pairs,
            stored=plan.stored,
            example=plan.example,
        )

    def keep(self, given: Given) -> Imported:
        plan = self._plan(given)
        library, tasks, store = self.experiments.library, self.experiments.tasks, self.experiments.store
        if plan.pairs is not None:
            own, is_new = own_tasks.add(plan.pairs, library, tasks)
            return Imported(
                form=plan.form, url=f"/tasks/{own.name}", circuit=None, task=own.name, is_new=is_new, notes=plan.notes
            )
        assert plan.subject is not None and plan.task is not None and plan.circuit is not None
        record = self._confirmed(plan, plan.record) if plan.record else self._measured(plan, given)
        if isinstance(plan.task, RecordedTask):
            tasks.keep(plan.task, plan.subject.name)
        is_new = not store.has_circuit(record.id)
        store.keep_circuit(record)
        summary = CircuitSummary(**{name: getattr(record, name) for name in CircuitSummary.model_fields})
        return Imported(
            form=plan.form, url=record.url, circuit=summary, task=record.task, is_new=is_new, notes=plan.notes
        )

    def _measured(self, plan: Plan, given: Given) -> CircuitDetail:
        assert plan.subject is not None and plan.task is not None and plan.circuit is not None
        stored = plan.stored or StoredFigures()
        provenance = Provenance(
            method="import", settings=PruneSettings(), n_steps_run=0, elapsed_s=0.0, calibration=None, curve=[],
            versions=versions(),
            imported=ImportedFrom(
                form=plan.form if plan.form != "prompt-pairs" else "sparsescope", file_name=given.file_name[-80:],
                full_model_loss_nats=stored.full_model_loss_nats, circuit_loss_nats=stored.circuit_loss_nats,
                node_loss_nats=stored.node_loss_nats, notes=plan.notes,
            ),
        )  # fmt: skip
        return circuit_record(plan.subject, plan.task, plan.circuit, provenance, n_pairs=self.n_pairs)

    # -- telling the forms apart -------------------------------------------------------------

    def _plan(self, given: Given) -> Plan:
        if not given.content:
            raise InputError("nothing was given; paste a circuit or choose a file")
        if given.content[:4] == b"PK\x03\x04":
            return self._released(given)
        if given.content[:1] == b"\x80":
            raise InputError("the file is a pickle, which can carry code; it was not opened")
        content = object_of(parse(given.content), "the file")
        if "prompts" in content:
            return self._pairs(given)
        if str(content.get("format", "")).startswith("sparsescope-circuit"):
            return self._own(given)
        if {"qParams", "links"} & set(content):
            raise InputError(
                "the file is an attribution graph: effects on one prompt, from which no circuit can be told"
            )
        if "cfg" in content:
            raise InputError("the file is an EAP-IG graph: whole heads and MLPs, from which no nodes can be told")
        if "nodes" in content:
            return self._replication(given, content)
        names = ", ".join(shortened(name) for name in list(content)[:6]) or "none"
        raise InputError(
            f"the form cannot be told from its keys ({names}); read are: our own JSON, viz_data.pt of the release, "
            "sparse_pretrain JSON and prompt pairs"
        )

    def _subject(self, name: str) -> Subject:
        if not name:
            raise InputError("the file does not say which model it belongs to; choose one")
        return self.experiments.library.subject(name)

    def _pairs(self, given: Given) -> Plan:
        subject = self._subject(given.model)
        title = (given.task or given.file_name.rsplit(".", 1)[0] or "pairs")[:80]
        request = TaskRequest(title=title, question="", model=subject.name, pairs=_text(given.content))
        checked = own_tasks.check(request, self.experiments.library)
        if checked.faults:
            raise own_tasks.FaultyPairs(checked.faults)
        notes = [f"{checked.n_train:,} pairs to prune on, {checked.n_heldout:,} held out."]
        return Plan("prompt-pairs", subject, pairs=request, n_pairs=checked.n_pairs, notes=notes)

    def _own(self, given: Given) -> Plan:
        try:
            read = AnnotatedCircuit.model_validate_json(given.content)
        except ValidationError as error:
            raise InputError(f"the file is a circuit of ours, but {sentence(error.errors())}") from None
        record = CircuitDetail(**{name: getattr(read, name) for name in CircuitDetail.model_fields})
        name = self.experiments.library.with_fingerprint(record.model_fingerprint)
        if name is None:
            raise InputError(
                f"the circuit belongs to model {shortened(record.model)} with fingerprint "
                f"{shortened(record.model_fingerprint[:12])}, which is not here; add that model first"
            )
        subject = self.experiments.library.subject(name)
        task = self.experiments.tasks.find(record.task)
        for node in record.nodes:
            if parse_node(node.id, subject.config) != (node.site, node.index):
                raise InputError(
                    f"the node {shortened(node.id)} says that it is at {shortened(node.site)}:{node.index}"
                )
        circuit = convert_circuit.circuit(record, subject.config)
        if len(circuit.nodes) != len(record.nodes):
            raise InputError("the file holds a node twice")
        if circuit.id != record.id:
            raise InputError(
                f"the file says that it is circuit {shortened(record.id)}, but its nodes make {circuit.id}"
            )
        edges = edges_of(subject.model, circuit)
        ours = {(str(edge.source), str(edge.target)): edge.weight for edge in edges}
        theirs = {(edge.source, edge.target): edge.weight for edge in record.edges}
        if set(ours) != set(theirs) or not all(isclose(ours[e], theirs[e], abs_tol=1e-6) for e in ours):
            raise InputError("the edges in the file are not the weights of its model between these nodes")
        stored = StoredFigures(
            full_model_loss_nats=record.full_model_loss_nats, circuit_loss_nats=record.loss_nats.value
        )
        n_pairs = record.measures.circuit.n_pairs
        return Plan("sparsescope", subject, task, circuit, len(edges), stored, record, n_pairs=n_pairs)

    def _confirmed(self, plan: Plan, claimed: CircuitDetail) -> CircuitDetail:
        """The record of a file where all that it tells is so here too; else the one measured here."""
        assert plan.subject is not None and plan.task is not None and plan.circuit is not None
        claimed_pairs = claimed.measures.circuit.n_pairs
        n_pairs = claimed_pairs if 1 <= claimed_pairs <= 512 else self.n_pairs
        here = circuit_record(plan.subject, plan.task, plan.circuit, claimed.provenance, n_pairs=n_pairs)
        if alike(claimed.model_dump(mode="json", exclude=MAY_DIFFER), here.model_dump(mode="json", exclude=MAY_DIFFER)):
            return claimed.model_copy(update={"model": here.model, "url": here.url})
        plan.notes.append(
            f"The file's figures are not those measured here (its loss {claimed.loss_nats.value:.4f} nats, here "
            f"{here.loss_nats.value:.4f}); those measured here are kept."
        )
        return here

    def _replication(self, given: Given, content: dict[str, object]) -> Plan:
        own = content.get("sparsescope")
        told_by = own.get("model_fingerprint") if isinstance(own, dict) else None
        name = self.experiments.library.with_fingerprint(told_by) if isinstance(told_by, str) else None
        if isinstance(told_by, str) and name is None and not given.model:
            raise InputError(f"the circuit belongs to a model with fingerprint {shortened(told_by[:12])}, not here")
        subject = self._subject(given.model or name or "")
        read = read_replication(content, subject.config)
        notes = list(read.notes)
        if read.model_fingerprint is not None and read.model_fingerprint != subject.fingerprint:
            raise InputError(
                f"the circuit belongs to a model with fingerprint {shortened(read.model_fingerprint[:12])}; "
                f"{subject.name} has {subject.fingerprint[:12]}"
            )
        wanted = given.task or read.task
        if not wanted:
            raise InputError("the file does not say which task the circuit is of; choose one")
        task = self.experiments.tasks.find(wanted)
        scaling = None if read.calibration is None else Calibration(*read.calibration)
        circuit = Circuit.of(subject.fingerprint, task.name, read.nodes, read.cut_edges, scaling)
        n_edges = len(edges_of(subject.model, circuit))
        if n_edges != read.n_edges:
            notes.append(
                f"The file has {read.n_edges:,} weights between kept nodes, this model {n_edges:,}; the model's count."
            )
        stored = None if read.loss_nats is None else StoredFigures(circuit_loss_nats=read.loss_nats)
        return Plan("sparse-pretrain", subject, task, circuit, n_edges, stored, notes=notes)

    # -- released circuits -------------------------------------------------------------------

    def _released(self, given: Given) -> Plan:
        subject = self._subject(given.model)
        with self._staged(given.content) as path:
            read = read_released(path, subject.config)
        tokens, last = padded([list(prompt) for prompt in read.prompts], subject.device)
        logits = last_logits(subject, tokens, last)
        notes = list(read.notes)
        if given.candidates.strip():
            pair = _candidates(given.candidates, subject)
        else:
            found = candidates_of(logits, read.full_model_loss_nats)
            if found is None:
                raise InputError(
                    "the file does not name the two candidate tokens, and its stored loss does not tell them; give "
                    "them, like \") ')"
                )
            pair = found
            texts = [subject.tokenizer.token_text(token) for token in pair]
            notes.append(f"The candidates {texts[0]} and {texts[1]} are told from the stored loss of the full model.")
        task, n_dropped = _task_of(read, pair, given, subject)
        if n_dropped:
            notes.append(f"{n_dropped:,} pairs are left out: their text does not come back as the same tokens.")
        notes.append("The stored losses are sums over a pair of prompts and are halved here.")
        circuit = Circuit.of(subject.fingerprint, task.name, read.nodes)
        stored = StoredFigures(
            full_model_loss_nats=read.full_model_loss_nats,
            circuit_loss_nats=read.circuit_loss_nats,
            node_loss_nats={str(node): loss for node, loss in read.node_loss_nats.items()},
        )
        first = task.own[0].prompts
        return Plan(
            "released", subject, task, circuit, len(edges_of(subject.model, circuit)), stored, n_pairs=len(task.own),
            example=first, notes=notes,
        )  # fmt: skip

    @contextmanager
    def _staged(self, content: bytes) -> Iterator[Path]:
        folder = self.staging / secrets.token_hex(8)
        folder.mkdir(parents=True)
        try:
            (folder / "viz_data.pt").write_bytes(content)
            yield folder / "viz_data.pt"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


#: What of a record does not follow from circuit, model and task.
MAY_DIFFER = {"created_at", "provenance", "model", "url"}


def alike(a: object, b: object) -> bool:
    """Whether two JSON values are the same, numbers as near as another machine may come."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return isclose(a, b, rel_tol=SAME, abs_tol=SAME)
    return type(a) is type(b) and a == b


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")


def _candidates(text: str, subject: Subject) -> tuple[int, int]:
    parts = text.split()
    if len(parts) != 2:
        raise InputError(f"there are two candidates, with a space between them; {shortened(text)} is {len(parts)}")
    first, second = (int(p) if p.isdigit() and int(p) < subject.config.vocab_size else subject.tokenizer.token_id(p)
                     for p in parts)  # fmt: skip
    if first == second:
        raise InputError("the two candidates are one and the same token")
    return first, second


def _task_of(read: Released, pair: tuple[int, int], given: Given, subject: Subject) -> tuple[RecordedTask, int]:
    """The file's own prompts as a task; those whose text is not read back as the same tokens are left out."""
    tokenizer, half = subject.tokenizer, read.n_pairs
    answers = tokenizer.token_text(pair[0]), tokenizer.token_text(pair[1])
    pairs = []
    for first, second in zip(read.prompts[:half], read.prompts[half:], strict=True):
        texts = tokenizer.decode(list(first)), tokenizer.decode(list(second))
        if all(
            tokenizer.can_encode(t) and tokenizer.encode(t) == list(i)
            for t, i in zip(texts, (first, second), strict=True)
        ):
            pairs.append(PromptPair(texts, answers))
    if not pairs:
        raise InputError("no prompt of the file comes back from its text as the same tokens")
    title = (given.task or given.file_name.rsplit(".", 1)[0] or "released circuit")[:60]
    return recorded_task(title, pairs, subject.language), half - len(set(pairs))
