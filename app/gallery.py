"""The gallery: circuits, stories and claims that their makers published, newest first."""

from app import urls
from app.claims import claim_of
from app.makers import Makers
from app.schemas import Ablation, Annotation, CircuitSummary
from app.schemas.sharing import GalleryEntry, Kind
from app.store import Store
from app.tables import MadeRow


def gallery(makers: Makers, store: Store, kind: Kind | None = None, most: int = 200) -> list[GalleryEntry]:
    """Of one kind or of all; a record that is gone is left out."""
    rows = [row for row in makers.published() if kind in (None, row.kind)]
    return [entry for row in rows if (entry := _entry(store, row)) is not None][:most]


def _entry(store: Store, row: MadeRow) -> GalleryEntry | None:
    if row.kind == "circuits" and store.has_circuit(row.record):
        return _circuit(store.circuit(row.record), row)
    if row.kind == "annotations" and store.has_annotation(row.record):
        return _annotation(store.annotation(row.record), row)
    if row.kind == "ablations" and store.has_ablation(row.record):
        return _ablation(store.ablation(row.record), row)
    return None


def _circuit(circuit: CircuitSummary, row: MadeRow) -> GalleryEntry:
    about = (
        f"{circuit.n_nodes:,} nodes, {circuit.n_edges:,} edges; {circuit.loss_nats.value:.3f} nats held-out; "
        f"task {circuit.task}, model {circuit.model}"
    )
    return _made("circuits", row, circuit.url, row.title or circuit.task_title, about, row.author, circuit.id)


def _annotation(notes: Annotation, row: MadeRow) -> GalleryEntry:
    parts = [
        (len(notes.story), "step of a story", "steps of a story"),
        (len(notes.labels), "label", "labels"),
        (len(notes.notes), "note", "notes"),
        (len(notes.groups), "group", "groups"),
    ]
    about = ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in parts if n)
    about = f"{about or 'nothing yet'}; on circuit {notes.circuit[:8]}"
    return _made(
        "annotations", row, notes.link, row.title or notes.title, about, row.author or notes.author, notes.circuit
    )


def _ablation(ablation: Ablation, row: MadeRow) -> GalleryEntry:
    target = ablation.request.target
    change = ablation.loss_change_nats
    about = (
        f"change {change.value:+.3f} nats, 95% interval {change.low:+.3f} to {change.high:+.3f}, "
        f"{ablation.after.n_pairs:,} held-out pairs; task {ablation.task}, model {ablation.model}"
    )
    circuit = target.circuit if target.kind == "circuit" else None
    return _made("ablations", row, ablation.url, row.title or claim_of(ablation), about, row.author, circuit)


def _made(
    kind: Kind, row: MadeRow, url: str, title: str, about: str, author: str | None, circuit: str | None
) -> GalleryEntry:
    assert row.published_at is not None
    return GalleryEntry(
        kind=kind, id=row.record, url=url, title=title, about=about, author=author, circuit=circuit,
        published_at=row.published_at,
    )  # fmt: skip


def page_of(store: Store, kind: Kind, record: str) -> str:
    """The page of a record. Raises a 404 Refusal where it is not there."""
    if kind == "circuits":
        store.check_circuit(record)
        return urls.circuit(record)
    if kind == "annotations":
        return store.annotation(record).link
    store.ablation_json(record)
    return urls.ablation(record)
