"""Circuits and prompt pairs in: understood, measured, kept; nothing is kept before all of it is understood."""

from math import isclose
from pathlib import Path

from app import own_tasks
from app.errors import Refusal
from app.experiments import Experiments
from app.import_plans import Given, Plan, plan_of_json
from app.pruning import circuit_record
from app.released_circuits import plan_of_released
from app.schemas import CircuitDetail, CircuitSummary, Provenance, PruneSettings
from app.schemas.circuits import ImportedFrom
from app.schemas.imports import ImportCheck, Imported, StoredFigures
from app.versions import versions
from model.errors import InputError
from model.tasks.own import RecordedTask

#: How far a figure of a file may be from the one measured here and still count as the same.
SAME = 1e-3


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

    def _plan(self, given: Given) -> Plan:
        if not given.content:
            raise InputError("nothing was given; paste a circuit or choose a file")
        if given.content[:4] == b"PK\x03\x04":
            return plan_of_released(given, self.experiments, self.staging)
        if given.content[:1] == b"\x80":
            raise InputError("the file is a pickle, which can carry code; it was not opened")
        return plan_of_json(given, self.experiments)

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
