"""Circuits, notes and ablations that were kept: immutable records under ids derived from their content."""

import logging
from collections import Counter
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import func, select

from app.database import Database
from app.errors import no_such
from app.makers import NOBODY, listed
from app.schemas import Ablation, AnnotatedCircuit, Annotation, AnnotationSummary, CircuitDetail, CircuitSummary
from app.tables import AblationRow, AnnotationRow, CircuitRow

log = logging.getLogger(__name__)


class Store:
    """Reads and writes whole records; several threads and processes may do so at once."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- circuits ----------------------------------------------------------------------------

    def circuits(
        self, model: str | None = None, task: str | None = None, *, reader: str | None = NOBODY
    ) -> list[CircuitSummary]:
        """Those that a reader's lists have (None: all there are), by model, task and size."""
        query = select(CircuitRow.summary)
        if reader is not None:
            query = query.where(listed(CircuitRow, reader))
        if model is not None:
            query = query.where(CircuitRow.model == model)
        if task is not None:
            query = query.where(CircuitRow.task == task)
        with self.database.reading() as session:
            found = [_summary(text) for text in session.scalars(query)]
        return sorted(found, key=lambda c: (c.model, c.task, c.n_nodes, c.id))

    def n_circuits(self, reader: str = NOBODY) -> Counter[str]:
        """How many circuits a reader's lists have of each model."""
        query = select(CircuitRow.model, func.count()).where(listed(CircuitRow, reader)).group_by(CircuitRow.model)
        with self.database.reading() as session:
            return Counter({model: n for model, n in session.execute(query)})

    def circuits_of(self, model: str, fingerprint: str, reader: str = NOBODY) -> list[CircuitSummary]:
        """Summaries of the circuits of a model as it is now; those of earlier weights under its name are left out."""
        query = select(CircuitRow.summary).where(CircuitRow.model == model, CircuitRow.model_fingerprint == fingerprint)
        query = query.where(listed(CircuitRow, reader))
        with self.database.reading() as session:
            return [_summary(text) for text in session.scalars(query)]

    def forks_of(self, circuit_id: str, reader: str = NOBODY) -> list[CircuitSummary]:
        """Circuits of a reader's lists that were forked from this one, oldest first."""
        query = select(CircuitRow.summary).where(CircuitRow.forked_from == circuit_id, listed(CircuitRow, reader))
        with self.database.reading() as session:
            found = [_summary(text) for text in session.scalars(query)]
        return sorted(found, key=lambda c: (c.created_at, c.id))

    def featured(self, reader: str = NOBODY) -> list[CircuitSummary]:
        """All circuits of a reader's lists, those that came with the app first, newest first after them."""
        query = select(CircuitRow.id).where(CircuitRow.bundled)
        with self.database.reading() as session:
            bundled = set(session.scalars(query))
        found = self.circuits(reader=reader)
        ours = [c for c in found if c.id in bundled]
        own = [c for c in found if c.id not in bundled]
        return ours + sorted(own, key=lambda c: c.created_at, reverse=True)

    def bundled_circuits(self, task: str) -> list[CircuitSummary]:
        """Summaries of the circuits of a task that came with the app, smallest first."""
        query = select(CircuitRow.summary).where(CircuitRow.bundled, CircuitRow.task == task)
        with self.database.reading() as session:
            found = [_summary(text) for text in session.scalars(query)]
        return sorted(found, key=lambda c: (c.n_nodes, c.id))

    def check_circuit(self, circuit_id: str) -> None:
        """Raises a 404 Refusal where there is no such circuit."""
        self.circuit_json(circuit_id)

    def circuit_json(self, circuit_id: str) -> str:
        """A CircuitDetail as it is sent. Raises a 404 Refusal."""
        with self.database.reading() as session:
            found = session.scalar(select(CircuitRow.detail).where(CircuitRow.id == circuit_id))
            if found is None:
                query = select(CircuitRow.id).where(listed(CircuitRow, NOBODY))
                known = session.scalars(query.order_by(CircuitRow.created_at.desc())).all()
                raise no_such("circuit", circuit_id, known)
            return found

    def has_circuit(self, circuit_id: str) -> bool:
        with self.database.reading() as session:
            return session.scalar(select(CircuitRow.id).where(CircuitRow.id == circuit_id)) is not None

    def circuit(self, circuit_id: str) -> CircuitDetail:
        return _circuit(self.circuit_json(circuit_id))

    def keep_circuit(self, circuit: CircuitDetail, *, bundled: bool = False) -> None:
        """Store a circuit once: the first record under an id stays, but what comes with the app replaces it."""
        summary = CircuitSummary(**{name: getattr(circuit, name) for name in CircuitSummary.model_fields})
        with self.database.writing() as session:
            row = session.get(CircuitRow, circuit.id)
            if row is not None and not bundled:
                return
            session.merge(
                CircuitRow(
                    id=circuit.id,
                    model=circuit.model,
                    model_fingerprint=circuit.model_fingerprint,
                    task=circuit.task,
                    bundled=bundled,
                    forked_from=circuit.provenance.forked.circuit if circuit.provenance.forked else None,
                    created_at=circuit.created_at,
                    summary=summary.model_dump_json(),
                    detail=circuit.model_dump_json(),
                )
            )

    def import_bundle(self, folder: Path) -> int:
        """Take in the circuits that come with the app, and their notes; returns how many were new or had changed."""
        n_changed = 0
        for path in sorted(folder.glob("*.json")):
            try:
                read = AnnotatedCircuit.model_validate_json(path.read_bytes())
            except ValidationError as error:
                log.error("%s is not a circuit and was left out: %s", path.name, error.errors()[0]["msg"])
                continue
            circuit = CircuitDetail(**{name: getattr(read, name) for name in CircuitDetail.model_fields})
            if read.annotation is not None:
                self.keep_annotation(read.annotation)
            with self.database.reading() as session:
                known = session.scalar(select(CircuitRow.detail).where(CircuitRow.id == circuit.id, CircuitRow.bundled))
            if known != circuit.model_dump_json():
                self.keep_circuit(circuit, bundled=True)
                n_changed += 1
        return n_changed

    # -- annotations -------------------------------------------------------------------------

    def annotation(self, annotation_id: str) -> Annotation:
        """Raises a 404 Refusal."""
        with self.database.reading() as session:
            found = session.scalar(select(AnnotationRow.record).where(AnnotationRow.id == annotation_id))
            if found is None:
                query = select(AnnotationRow.id).where(listed(AnnotationRow, NOBODY))
                known = session.scalars(query.order_by(AnnotationRow.created_at.desc())).all()
                raise no_such("annotation", annotation_id, known)
            return Annotation.model_validate_json(found)

    def has_annotation(self, annotation_id: str) -> bool:
        with self.database.reading() as session:
            return session.scalar(select(AnnotationRow.id).where(AnnotationRow.id == annotation_id)) is not None

    def annotation_of(self, circuit_id: str, annotation_id: str) -> Annotation:
        """The same, of this circuit and no other. Raises a 404 Refusal."""
        found = self.annotation(annotation_id)
        if found.circuit != circuit_id:
            known = [summary.id for summary in self.annotations_of(circuit_id)]
            raise no_such("annotation", annotation_id, known, f"circuit {circuit_id} has")
        return found

    def annotations_of(self, circuit_id: str, reader: str = NOBODY) -> list[AnnotationSummary]:
        """The revisions of a circuit's notes that a reader's lists have, newest first."""
        query = select(AnnotationRow.record).where(AnnotationRow.circuit == circuit_id, listed(AnnotationRow, reader))
        with self.database.reading() as session:
            found = [Annotation.model_validate_json(text) for text in session.scalars(query)]
        found.sort(key=lambda a: (a.created_at, a.id), reverse=True)
        return [AnnotationSummary(**{name: getattr(a, name) for name in AnnotationSummary.model_fields}) for a in found]

    def keep_annotation(self, annotation: Annotation) -> tuple[Annotation, bool]:
        """Store a revision once; returns the record under its id, and whether it is this one."""
        with self.database.writing() as session:
            row = session.get(AnnotationRow, annotation.id)
            if row is not None:
                return Annotation.model_validate_json(row.record), False
            session.add(
                AnnotationRow(
                    id=annotation.id,
                    circuit=annotation.circuit,
                    created_at=annotation.created_at,
                    record=annotation.model_dump_json(),
                )
            )
        return annotation, True

    # -- ablations ---------------------------------------------------------------------------

    def ablation_json(self, ablation_id: str) -> str:
        """An Ablation as it is sent. Raises a 404 Refusal."""
        with self.database.reading() as session:
            found = session.scalar(select(AblationRow.record).where(AblationRow.id == ablation_id))
            if found is None:
                query = select(AblationRow.id).where(listed(AblationRow, NOBODY))
                known = session.scalars(query.order_by(AblationRow.created_at.desc())).all()
                raise no_such("ablation", ablation_id, known)
            return found

    def ablations_of(self, circuit_id: str) -> list[str]:
        """Ids of the ablations of a circuit that were kept, oldest first."""
        query = select(AblationRow.id).where(AblationRow.circuit == circuit_id)
        with self.database.reading() as session:
            return list(session.scalars(query.order_by(AblationRow.created_at, AblationRow.id)))

    def has_ablation(self, ablation_id: str) -> bool:
        with self.database.reading() as session:
            return session.scalar(select(AblationRow.id).where(AblationRow.id == ablation_id)) is not None

    def ablation(self, ablation_id: str) -> Ablation:
        return Ablation.model_validate_json(self.ablation_json(ablation_id))

    def keep_ablation(self, ablation: Ablation) -> Ablation:
        """Store an ablation once; returns the record under its id, which may be an earlier one."""
        target = ablation.request.target
        with self.database.writing() as session:
            row = session.get(AblationRow, ablation.id)
            if row is not None:
                return Ablation.model_validate_json(row.record)
            session.add(
                AblationRow(
                    id=ablation.id,
                    model=ablation.model,
                    circuit=target.circuit if target.kind == "circuit" else None,
                    created_at=ablation.created_at,
                    record=ablation.model_dump_json(),
                )
            )
        return ablation


@lru_cache(maxsize=64)
def _circuit(json: str) -> CircuitDetail:
    """Records never change, so one that was read is handed to all who ask."""
    return CircuitDetail.model_validate_json(json)


@lru_cache(maxsize=2048)
def _summary(json: str) -> CircuitSummary:
    return CircuitSummary.model_validate_json(json)
