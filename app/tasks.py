"""Tasks by name: those that come with the app, and those that users gave. Nothing else looks a task up."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from sqlalchemy import select

from app.database import Database
from app.errors import no_such
from app.tables import TaskRow
from model.errors import InputError
from model.subject import Subject
from model.tasks import ALL_TASKS, Language
from model.tasks.custom import read_pairs
from model.tasks.own import OwnTask, RecordedTask, own_task, recorded_task
from model.tasks.pair import PromptPair
from model.tasks.task import Task


class Stored(NamedTuple):
    """A user's own task, with the model whose tokeniser it was checked with."""

    task: OwnTask
    model: str
    created_at: datetime


class Tasks:
    """A task's name says all that it is: a user's ends in a hash of its pairs, so it never changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._task = lru_cache(maxsize=64)(_task)

    def find(self, name: str) -> Task:
        """Raises a 404 Refusal that names the choices."""
        if name in ALL_TASKS:
            return ALL_TASKS[name]
        return self.stored(name).task

    def stored(self, name: str) -> Stored:
        """A user's own task. Raises a 404 Refusal for any other."""
        with self.database.reading() as session:
            row = session.get(TaskRow, name)
            if row is None:
                raise no_such(
                    "task", name, [*sorted(ALL_TASKS), *session.scalars(select(TaskRow.id).order_by(TaskRow.id))]
                )
            return self._stored(row)

    def own(self) -> list[Stored]:
        """Users' own tasks, newest first."""
        with self.database.reading() as session:
            rows = session.scalars(select(TaskRow).order_by(TaskRow.created_at.desc(), TaskRow.id))
            return [self._stored(row) for row in rows]

    def all(self) -> list[Task]:
        """Users' own tasks, then those that come with the app."""
        return [*(stored.task for stored in self.own()), *ALL_TASKS.values()]

    def keep(self, task: OwnTask, model: str) -> bool:
        """Store a task once; whether it is new."""
        content = [[pair.prompts, pair.answers] for pair in task.own]
        recorded = isinstance(task, RecordedTask)
        pairs = json.dumps({"recorded": content} if recorded else content, separators=(",", ":"))
        with self.database.writing() as session:
            if session.get(TaskRow, task.name) is not None:
                return False
            session.add(
                TaskRow(
                    id=task.name,
                    language=task.language,
                    title=task.title,
                    question=task.question,
                    model=model,
                    created_at=datetime.now(UTC),
                    pairs=pairs,
                )  # fmt: skip
            )
        return True

    def find_or_read(self, given: str, subject: Subject) -> Task:
        """A task by name, or one read from a file of prompt pairs and kept (for the command line)."""
        path = Path(given)
        if path.suffix != ".json":
            return self.find(given)
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{given} cannot be read: {error.__class__.__name__}") from None
        pairs = read_pairs(text, subject.tokenizer, subject.config.block_size)
        task = own_task(path.stem, pairs, language=subject.language)
        self.keep(task, subject.name)
        return task

    def _stored(self, row: TaskRow) -> Stored:
        return Stored(
            self._task(row.title, row.pairs, row.question, cast(Language, row.language)), row.model, row.created_at
        )


def refuse_recorded(task: Task) -> None:
    """Raises InputError for prompts that came with a circuit: there are none left to measure a pruned one on."""
    if isinstance(task, RecordedTask):
        raise InputError(f"the {len(task.own)} pairs of {task.name} came with a circuit; nothing is pruned on them")


def _task(title: str, pairs: str, question: str, language: Language) -> OwnTask:
    content: Any = json.loads(pairs)
    recorded = isinstance(content, dict)
    if recorded:
        content = content["recorded"]
    own = [PromptPair((first, second), (right, wrong)) for (first, second), (right, wrong) in content]
    return recorded_task(title, own, language) if recorded else own_task(title, own, question, language)
