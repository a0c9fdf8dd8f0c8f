"""Prompt pairs of a user's own, from request to task: checked token by token, split, stored."""

import json

from app import convert
from app.errors import Refusal
from app.library import Library
from app.schemas import TaskCheck, TaskRequest
from app.tasks import Tasks
from model.errors import InputError
from model.subject import Subject
from model.tasks import TASKS
from model.tasks.custom import Checked, PairFaults, check_pairs
from model.tasks.own import OwnTask, own_task, splits_of
from model.tasks.task import SPLITS

MOST_FAULTS = 50
N_PREVIEW = 8
N_EXAMPLE = 40


class FaultyPairs(Refusal):
    """422 with a sentence for every fault, the first 50 of them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(422, str(PairFaults(faults)), faults=faults[:MOST_FAULTS], n_faults=len(faults))


def check(request: TaskRequest, library: Library) -> TaskCheck:
    """All that is wrong with the pairs, too few of them included; nothing is stored."""
    subject = library.subject(request.model)
    checked = _checked(request, subject)
    faults = checked.faults or _faults_of_split(request, checked)
    splits = splits_of(set(checked.pairs))
    return TaskCheck(
        faults=faults[:MOST_FAULTS],
        n_faults=len(faults),
        n_pairs=len(set(checked.pairs)),
        n_train=len(splits["train"]),
        n_heldout=len(splits["heldout"]),
        preview=[convert.pair_tokens(pair, subject.tokenizer) for pair in checked.pairs[:N_PREVIEW]],
    )


def add(request: TaskRequest, library: Library, tasks: Tasks) -> tuple[OwnTask, bool]:
    """Store a task; whether it is new. Raises FaultyPairs with every fault."""
    subject = library.subject(request.model)
    checked = _checked(request, subject)
    faults = checked.faults or _faults_of_split(request, checked)
    if faults:
        raise FaultyPairs(faults)
    task = own_task(request.title, checked.pairs, request.question, subject.language)
    return task, tasks.keep(task, request.model)


def _checked(request: TaskRequest, subject: Subject) -> Checked:
    text = request.pairs if isinstance(request.pairs, str) else json.dumps(request.pairs)
    return check_pairs(text, subject.tokenizer, subject.config.block_size)


def _faults_of_split(request: TaskRequest, checked: Checked) -> list[str]:
    try:
        own_task(request.title, checked.pairs)
    except InputError as error:
        return [str(error)]
    return []


def example() -> dict[str, list[dict[str, str | list[str]]]]:
    """Pairs of the first task in the form that is asked for, enough of either split to be a task."""
    task = next(iter(TASKS.values()))
    pairs = [pair for split in SPLITS for pair in task.pairs(split, N_EXAMPLE, seed=1)]
    return {
        "prompts": [
            {"clean": clean, "corrupt": corrupt, "answers": [right], "wrong_answers": [wrong]}
            for pair in pairs
            for (clean, corrupt), (right, wrong) in [(pair.prompts, pair.answers)]
        ]
    }
