"""A file that a person gave, understood: its form told from the content, what it holds checked against the model."""

from dataclasses import dataclass, field
from math import isclose

from pydantic import ValidationError

from app import convert_circuit, own_tasks
from app.errors import sentence, shortened
from app.experiments import Experiments
from app.schemas import AnnotatedCircuit, CircuitDetail, TaskRequest
from app.schemas.imports import ImportForm, StoredFigures
from model.calibrate import Calibration
from model.circuit import Circuit
from model.errors import InputError
from model.forms.json_values import object_of, parse
from model.forms.replication import read_replication
from model.graph import edges_of
from model.sites import FINAL, parse_node
from model.subject import Subject
from model.tasks.task import Task


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


def plan_of_json(given: Given, experiments: Experiments) -> Plan:
    """Everything but a file of tensors. Raises InputError or a Refusal with one sentence."""
    content = object_of(parse(given.content), "the file")
    if "prompts" in content:
        return _pairs(given, experiments)
    if str(content.get("format", "")).startswith("sparsescope-circuit"):
        return _own(given, experiments)
    if {"qParams", "links"} & set(content):
        raise InputError("the file is an attribution graph: effects on one prompt, from which no circuit can be told")
    if "cfg" in content:
        raise InputError("the file is an EAP-IG graph: whole heads and MLPs, from which no nodes can be told")
    if "nodes" in content:
        return _replication(given, content, experiments)
    names = ", ".join(shortened(name) for name in list(content)[:6]) or "none"
    raise InputError(
        f"the form cannot be told from its keys ({names}); read are: our own JSON, viz_data.pt of the release, "
        "sparse_pretrain JSON and prompt pairs"
    )


def subject_of(name: str, experiments: Experiments) -> Subject:
    if not name:
        raise InputError("the file does not say which model it belongs to; choose one")
    return experiments.library.subject(name)


def check_final(kept: tuple[int, ...] | list[int] | None, subject: Subject) -> None:
    """The channels that a file keeps of `final_resid` must be some of the model's, whose mean there is known."""
    if kept is None:
        return
    width = subject.config.d_model
    if any(not 0 <= channel < width for channel in kept) or len(set(kept)) < len(kept):
        raise InputError(f"{FINAL} holds a channel twice or outside 0 to {width - 1}")
    if FINAL not in subject.means:
        raise InputError(
            f"the circuit masks channels of {FINAL}, and the means that {subject.name} brought have none for it; add "
            "the model without its means.safetensors, so that they are computed here"
        )


def _pairs(given: Given, experiments: Experiments) -> Plan:
    subject = subject_of(given.model, experiments)
    title = (given.task or given.file_name.rsplit(".", 1)[0] or "pairs")[:80]
    request = TaskRequest(title=title, question="", model=subject.name, pairs=_text(given.content))
    checked = own_tasks.check(request, experiments.library)
    if checked.faults:
        raise own_tasks.FaultyPairs(checked.faults)
    notes = [f"{checked.n_train:,} pairs to prune on, {checked.n_heldout:,} held out."]
    return Plan("prompt-pairs", subject, pairs=request, n_pairs=checked.n_pairs, notes=notes)


def _own(given: Given, experiments: Experiments) -> Plan:
    try:
        read = AnnotatedCircuit.model_validate_json(given.content)
    except ValidationError as error:
        raise InputError(f"the file is a circuit of ours, but {sentence(error.errors())}") from None
    record = CircuitDetail(**{name: getattr(read, name) for name in CircuitDetail.model_fields})
    name = experiments.library.with_fingerprint(record.model_fingerprint)
    if name is None:
        raise InputError(
            f"the circuit belongs to model {shortened(record.model)} with fingerprint "
            f"{shortened(record.model_fingerprint[:12])}, which is not here; add that model first"
        )
    subject = experiments.library.subject(name)
    task = experiments.tasks.find(record.task)
    for node in record.nodes:
        if parse_node(node.id, subject.config) != (node.site, node.index):
            raise InputError(f"the node {shortened(node.id)} says that it is at {shortened(node.site)}:{node.index}")
    check_final(record.final_resid, subject)
    circuit = convert_circuit.circuit(record, subject.config)
    if len(circuit.nodes) != len(record.nodes):
        raise InputError("the file holds a node twice")
    if circuit.id != record.id:
        raise InputError(f"the file says that it is circuit {shortened(record.id)}, but its nodes make {circuit.id}")
    edges = edges_of(subject.model, circuit)
    ours = {(str(edge.source), str(edge.target)): edge.weight for edge in edges}
    theirs = {(edge.source, edge.target): edge.weight for edge in record.edges}
    if set(ours) != set(theirs) or not all(isclose(ours[e], theirs[e], abs_tol=1e-6) for e in ours):
        raise InputError("the edges in the file are not the weights of its model between these nodes")
    stored = StoredFigures(full_model_loss_nats=record.full_model_loss_nats, circuit_loss_nats=record.loss_nats.value)
    n_pairs = record.measures.circuit.n_pairs
    return Plan("sparsescope", subject, task, circuit, len(edges), stored, record, n_pairs=n_pairs)


def _replication(given: Given, content: dict[str, object], experiments: Experiments) -> Plan:
    own = content.get("sparsescope")
    told_by = own.get("model_fingerprint") if isinstance(own, dict) else None
    name = experiments.library.with_fingerprint(told_by) if isinstance(told_by, str) else None
    if isinstance(told_by, str) and name is None and not given.model:
        raise InputError(f"the circuit belongs to a model with fingerprint {shortened(told_by[:12])}, not here")
    subject = subject_of(given.model or name or "", experiments)
    read = read_replication(content, subject.config)
    notes = list(read.notes)
    if read.model_fingerprint is not None and read.model_fingerprint != subject.fingerprint:
        raise InputError(
            f"the circuit belongs to a model with fingerprint {shortened(read.model_fingerprint[:12])}; "
            f"{subject.name} has {subject.fingerprint[:12]}"
        )
    check_final(read.final_resid, subject)
    wanted = given.task or read.task
    if not wanted:
        raise InputError("the file does not say which task the circuit is of; choose one")
    task = experiments.tasks.find(wanted)
    scaling = None if read.calibration is None else Calibration(*read.calibration)
    circuit = Circuit.of(subject.fingerprint, task.name, read.nodes, read.cut_edges, scaling, read.final_resid)
    n_edges = len(edges_of(subject.model, circuit))
    if n_edges != read.n_edges:
        notes.append(
            f"The file has {read.n_edges:,} weights between kept nodes, this model {n_edges:,}; the model's count."
        )
    stored = None if read.loss_nats is None else StoredFigures(circuit_loss_nats=read.loss_nats)
    return Plan("sparse-pretrain", subject, task, circuit, n_edges, stored, notes=notes)


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")
