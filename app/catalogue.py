"""What there is to look at: models, tasks and circuits together, as pages and lists show them."""

from app.convert import model_detail, model_summary, task_detail, task_summary
from app.errors import no_such
from app.library import Facts, Library, Shelf
from app.schemas import CircuitSummary, ModelDetail, ModelSummary, TaskDetail, TaskSummary
from app.store import Store
from model.tasks import TASKS


class Catalogue:
    """Reads the library, the store and the tasks; changes nothing."""

    def __init__(self, library: Library, store: Store) -> None:
        self.library = library
        self.store = store

    def models(self) -> list[ModelSummary]:
        return [self._summary(shelf, facts) for shelf, facts in self.library.described()]

    def model_summary(self, name: str) -> ModelSummary:
        shelf = self.library.shelf(name)
        return self._summary(shelf, self.library.facts(shelf))

    def model(self, name: str) -> ModelDetail:
        shelf = self.library.shelf(name)
        circuits = self.store.circuits(model=name)
        return model_detail(self._summary(shelf, self.library.facts(shelf)), shelf, circuits, TASKS)

    def tasks(self) -> list[TaskSummary]:
        return [task_summary(task) for task in TASKS.values()]

    def task(self, name: str) -> TaskDetail:
        self.check_task(name)
        return task_detail(TASKS[name], self.store.circuits(task=name))

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
        """Raises a 404 Refusal unless both exist."""
        self.library.shelf(model)
        self.check_task(task)

    def check_task(self, task: str) -> None:
        if task not in TASKS:
            raise no_such("task", task, sorted(TASKS))

    def _summary(self, shelf: Shelf, facts: Facts) -> ModelSummary:
        return model_summary(shelf, facts, len(self.store.circuits(model=shelf.name)))
