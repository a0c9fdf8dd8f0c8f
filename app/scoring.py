"""How well a model does every task, unpruned: what its card says of it."""

import json
from collections.abc import Iterator

from app import convert
from app.library import Shelf
from app.schemas import Measure
from model.batch import encode_pairs
from model.config import read_json
from model.errors import InputError
from model.measure import measure
from model.subject import Subject
from model.tasks import ALL_TASKS


def scores(subject: Subject, n_pairs: int) -> Iterator[tuple[str, Measure | str]]:
    """Each task of the model's language with its held-out measure, or with why this model cannot be asked it."""
    for name, task in ALL_TASKS.items():
        if task.language != subject.language:
            continue
        try:
            pairs = task.pairs("heldout", n_pairs, 0)
            batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
        except InputError as error:
            yield name, str(error)
        else:
            yield name, convert.measure(measure(subject.model, batch))


def write_scores(shelf: Shelf, measures: dict[str, Measure]) -> None:
    """Put the scores on the model's card; all else on it stays."""
    path = shelf.folder / "card.json"
    card = read_json(path) if path.is_file() else {}
    card["tasks"] = {name: value.model_dump() for name, value in measures.items()}
    path.write_text(json.dumps(card, indent=1) + "\n")
