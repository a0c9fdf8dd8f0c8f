"""Released circuits, `viz_data.pt`, understood: their prompts as a task, their candidates told from a stored loss."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import shortened
from app.experiments import Experiments
from app.import_plans import Given, Plan, check_final, subject_of
from app.schemas.imports import StoredFigures
from model.activations import last_logits
from model.batch import padded
from model.circuit import Circuit
from model.errors import InputError
from model.forms.released import Released, candidates_of, read_released
from model.graph import edges_of
from model.sites import NUMBER
from model.subject import Subject
from model.tasks.own import RecordedTask, recorded_task
from model.tasks.pair import PromptPair


def plan_of_released(given: Given, experiments: Experiments, staging: Path) -> Plan:
    """Raises InputError or a Refusal with one sentence."""
    subject = subject_of(given.model, experiments)
    with _staged(given.content, staging) as path:
        read = read_released(path, subject.config)
    check_final(read.final_resid, subject)
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
    circuit = Circuit.of(subject.fingerprint, task.name, read.nodes, final_resid=read.final_resid)
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
def _staged(content: bytes, staging: Path) -> Iterator[Path]:
    folder = staging / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        (folder / "viz_data.pt").write_bytes(content)
        yield folder / "viz_data.pt"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _candidate(text: str, subject: Subject) -> int:
    """A token's number, or its text."""
    is_number = re.fullmatch(NUMBER, text) and int(text) < subject.config.vocab_size
    return int(text) if is_number else subject.tokenizer.token_id(text)


def _candidates(text: str, subject: Subject) -> tuple[int, int]:
    parts = text.split()
    if len(parts) != 2:
        raise InputError(f"there are two candidates, with a space between them; {shortened(text)} is {len(parts)}")
    first, second = (_candidate(part, subject) for part in parts)
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
