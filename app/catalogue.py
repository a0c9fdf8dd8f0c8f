"""What there is to look at: models, tasks and circuits together, as pages and lists show them."""

from app.convert import model_detail, model_score, model_summary, task_detail, task_summary
from app.errors import no_such
from app.library import Facts, Library, Shelf
from app.schemas import CircuitSummary, ModelDetail, ModelSummary, OwnPairs, TaskDetail, TaskSummary
from app.store import Store
from app.tasks import Tasks
from model.batch import encode_pairs
from model.tasks.own import OwnTask
from model.tasks.task import Task


class Catalogue:
    """Reads the library, the store and the tasks; changes nothing."""

    def __init__(self, library: Library, store: Store, tasks: Tasks) -> None:
        self.library = library
        self.store = store
        self._tasks = tasks

    def models(self) -> list[ModelSummary]:
        return [self._summary(shelf, facts) for shelf, facts in self.library.described()]

    def model_summary(self, name: str) -> ModelSummary:
        shelf = self.library.shelf(name)
        return self._summary(shelf, self.library.facts(shelf))

    def model(self, name: str) -> ModelDetail:
        shelf = self.library.shelf(name)
        circuits = self.store.circuits(model=name)
        return model_detail(
            self._summary(shelf, self.library.facts(shelf)), shelf, circuits, {t.name: t for t in self._tasks.all()}
        )

    def tasks(self) -> list[TaskSummary]:
        return [task_summary(task) for task in self._tasks.all()]

    def task(self, name: str) -> TaskDetail:
        task = self._tasks.find(name)
        scores = [
            model_score(shelf, name) for shelf, facts in self.library.described() if facts.language == task.language
        ]
        return task_detail(task, self.store.circuits(task=name), scores, self._own_pairs(task))

    def _own_pairs(self, task: Task) -> OwnPairs | None:
        if not isinstance(task, OwnTask):
            return None
        stored = self._tasks.stored(task.name)
        return OwnPairs(
            n_train=task.n_pairs("train"), n_heldout=task.n_pairs("heldout"), checked_with=stored.model,
            created_at=stored.created_at,
        )  # fmt: skip

    def circuits(self, model: str | None, task: str | None) -> list[CircuitSummary]:
        """All circuits, or those of one model or task. A name that is none is a 404, not an empty list."""
        if model is not None and model not in self.library.names():
            raise no_such("model", model, self.library.names())
        if task is not None:
            self.check_task(task)
        return self.store.circuits(model, task)

    def featured_circuits(self) -> list[CircuitSummary]:
        return self.store.featured()

    def check(self, model: str, task: str) -> None:
        """Raises a 404 Refusal unless both exist, and an InputError where the model cannot read a user's own pairs."""
        self.library.shelf(model)
        found = self._tasks.find(task)
        if isinstance(found, OwnTask):
            subject = self.library.subject(model)
            encode_pairs(found.own, subject.tokenizer, subject.config.block_size)

    def check_task(self, task: str) -> None:
        self._tasks.find(task)

    def _summary(self, shelf: Shelf, facts: Facts) -> ModelSummary:
        return model_summary(shelf, facts, len(self.store.circuits(model=shelf.name)))
