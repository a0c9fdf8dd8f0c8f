"""How a circuit, a story or a claim is cited: one sentence and a BibTeX entry."""

from datetime import date, datetime

from app import __version__
from app.claims import claim_of
from app.gallery import page_of
from app.schemas.sharing import Citation, Kind, Publication
from app.store import Store

_NOUNS: dict[Kind, str] = {"circuits": "circuit", "annotations": "notes", "ablations": "ablation"}
_ESCAPED = {c: f"\\{c}" for c in "{}%&_#$"} | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}"}
_ESCAPED |= {"^": "\\textasciicircum{}"}


def cite(store: Store, kind: Kind, record: str, shown: Publication, origin: str, today: date) -> Citation:
    """Raises a 404 Refusal. Who is named as author is who published it, or who signed the notes; else Sparsescope."""
    url = origin + page_of(store, kind, record)
    title, author, made, fingerprint = _facts(store, kind, record)
    title, author = shown.title or title, shown.author or author or "Sparsescope"
    noun = _NOUNS[kind]
    note = f"Sparsescope {__version__}, {noun} {record}, model fingerprint {fingerprint}, accessed {today.isoformat()}"
    fields = {
        "author": f"{{{_tex(author)}}}",
        "title": f"{{{_tex(title)}}}",
        "year": str(made.year),
        "howpublished": f"\\url{{{url}}}",
        "note": _tex(note),
    }
    entry = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return Citation(
        text=f"{author}. “{title}”. {made.year}. {url}. {note}.",
        bibtex=f"@misc{{sparsescope-{noun}-{record[:8]},\n{entry}\n}}\n",
        url=url,
        accessed=today,
        model_fingerprint=fingerprint,
        version=__version__,
    )


def _facts(store: Store, kind: Kind, record: str) -> tuple[str, str | None, datetime, str]:
    """Title, author, when it was made, the model's fingerprint."""
    if kind == "ablations":
        ablation = store.ablation(record)
        return f"{claim_of(ablation)} ({ablation.task})", None, ablation.created_at, ablation.model_fingerprint
    if kind == "annotations":
        notes = store.annotation(record)
        circuit = store.circuit(notes.circuit)
        return notes.title, notes.author, notes.created_at, circuit.model_fingerprint
    circuit = store.circuit(record)
    title = (
        f"A circuit for {circuit.task_title} in {circuit.model}: {circuit.n_nodes:,} nodes, {circuit.n_edges:,} edges"
    )
    return title, None, circuit.created_at, circuit.model_fingerprint


def _tex(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)
