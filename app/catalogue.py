"""What there is to look at: models, tasks and circuits together, as pages and lists show them."""

from typing import NamedTuple

from app.convert import task_detail, task_summary
from app.convert_model import channel_page, model_detail, model_score, model_summary
from app.errors import no_such
from app.frontier import FrontierQuery, frontier
from app.library import Library
from app.makers import NOBODY
from app.model_groups import ROLES
from app.schemas import (
    ChannelPage,
    ChannelSort,
    CircuitSummary,
    Frontier,
    ModelDetail,
    ModelSummary,
    OwnPairs,
    TaskDetail,
    TaskSummary,
)
from app.store import Store
from app.tasks import Tasks, refuse_recorded
from model.batch import encode_pairs
from model.tasks.own import OwnTask
from model.tasks.task import Task


class ChannelQuery(NamedTuple):
    """Which channels of a model, in which order."""

    offset: int
    limit: int
    sort: ChannelSort
    search: str


class Catalogue:
    """Reads the library, the store and the tasks; changes nothing. A `reader` finds their own unlisted circuits too."""

    def __init__(self, library: Library, store: Store, tasks: Tasks) -> None:
        self.library = library
        self.store = store
        self._tasks = tasks

    def models(self, reader: str = NOBODY) -> list[ModelSummary]:
        """The best first, repeats that differ in their seed and models of other languages last."""
        n_circuits = self.store.n_circuits(reader)
        found = [model_summary(shelf, facts, n_circuits[shelf.name]) for shelf, facts in self.library.described()]
        return sorted(found, key=lambda model: ROLES.index(model.role))

    def model_summary(self, name: str) -> ModelSummary:
        shelf = self.library.shelf(name)
        return model_summary(shelf, self.library.facts(shelf), self.store.n_circuits()[name])

    def model(self, name: str, reader: str = NOBODY) -> ModelDetail:
        shelf = self.library.shelf(name)
        facts = self.library.facts(shelf)
        tasks = {task.name: task for task in self._tasks.all()}
        circuits = self.store.circuits(model=name, reader=reader)
        return model_detail(model_summary(shelf, facts, len(circuits)), shelf, facts, circuits, tasks)

    def channels(self, name: str, query: ChannelQuery) -> ChannelPage:
        return channel_page(self.library.subject(name), *query)

    def frontier(self, query: FrontierQuery, reader: str = NOBODY) -> Frontier:
        models = self.models(reader)
        circuits = [c for model in models for c in self.store.circuits_of(model.name, model.fingerprint, reader)]
        return frontier(models, circuits, query)

    def tasks(self) -> list[TaskSummary]:
        return [task_summary(task) for task in self._tasks.all()]

    def task(self, name: str, reader: str = NOBODY) -> TaskDetail:
        task = self._tasks.find(name)
        scores = [
            model_score(shelf, name) for shelf, facts in self.library.described() if facts.language == task.language
        ]
        return task_detail(task, self.store.circuits(task=name, reader=reader), scores, self._own_pairs(task))

    def _own_pairs(self, task: Task) -> OwnPairs | None:
        if not isinstance(task, OwnTask):
            return None
        stored = self._tasks.stored(task.name)
        return OwnPairs(
            n_train=task.n_pairs("train"), n_heldout=task.n_pairs("heldout"), checked_with=stored.model,
            created_at=stored.created_at,
        )  # fmt: skip

    def circuits(self, model: str | None, task: str | None, reader: str = NOBODY) -> list[CircuitSummary]:
        """Published circuits and the reader's own, of one model or task or of all. A name that is none is a 404."""
        if model is not None and model not in self.library.names():
            raise no_such("model", model, self.library.names())
        if task is not None:
            self.check_task(task)
        return self.store.circuits(model, task, reader=reader)

    def featured_circuits(self, reader: str = NOBODY) -> list[CircuitSummary]:
        return self.store.featured(reader)

    def tour_circuit(self) -> CircuitSummary | None:
        """The circuit that the tour is given on: the smallest that came with the app for the task of closing quotes."""
        return next(iter(self.store.bundled_circuits("single_double_quote")), None)

    def check(self, model: str, task: str) -> None:
        """Raises a 404 Refusal unless both exist, and an InputError where the model cannot read a user's own pairs."""
        self.library.shelf(model)
        found = self._tasks.find(task)
        refuse_recorded(found)
        if isinstance(found, OwnTask):
            subject = self.library.subject(model)
            encode_pairs(found.own, subject.tokenizer, subject.config.block_size)

    def check_task(self, task: str) -> None:
        self._tasks.find(task)
