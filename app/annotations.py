"""Notes on circuits: what is refused, and the id that a revision gets from its content."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from app import urls
from app.errors import Refusal, listed, shortened
from app.schemas import Annotation, AnnotationRequest, CircuitDetail
from app.store import Store


def annotate(store: Store, circuit_id: str, request: AnnotationRequest) -> tuple[Annotation, bool]:
    """The revision that says this of a circuit, and whether it is new. Raises a 404 Refusal for what is not there."""
    circuit = store.circuit(circuit_id)
    check_nodes(circuit, request)
    if request.parent is not None:
        store.annotation_of(circuit_id, request.parent)
    annotation_id = _annotation_id(circuit_id, request)
    annotation = Annotation(
        **request.model_dump(),
        id=annotation_id,
        url=urls.annotation(annotation_id),
        link=urls.circuit_with_notes(circuit_id, annotation_id),
        circuit=circuit_id,
        created_at=datetime.now(UTC),
    )
    return store.keep_annotation(annotation)


def check_nodes(circuit: CircuitDetail, request: AnnotationRequest) -> None:
    """Raises a 404 Refusal for a node that the circuit does not have, and a 422 one for two groups of one name."""
    known = {node.id for node in circuit.nodes}
    for where, node in _named(request):
        if node not in known:
            choices = listed([node.id for node in circuit.nodes], most=8)
            raise Refusal(404, f"{shortened(node)} in {where} is not a node of circuit {circuit.id}; it has: {choices}")
    twice = _first_repeated(group.name for group in request.groups)
    if twice is not None:
        raise Refusal(422, f"groups has {shortened(twice)} twice; each group needs a name of its own")


def _named(request: AnnotationRequest) -> Iterator[tuple[str, str]]:
    """Every node that is named, with where."""
    yield from (("labels", node) for node in request.labels)
    yield from (("notes", node) for node in request.notes)
    for group in request.groups:
        yield from ((f"group {shortened(group.name)}", node) for node in group.nodes)


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _annotation_id(circuit_id: str, request: AnnotationRequest) -> str:
    """16 hex digits of a hash of the circuit and all that is said; when it was said is not among it."""
    content = {"circuit": circuit_id, **request.model_dump(mode="json")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
