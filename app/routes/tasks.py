"""Tasks: what a model must tell apart, with examples; and prompt pairs of one's own."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app import own_tasks, urls
from app.deps import TheCatalogue, TheExperiments, TheLibrary, ThePages, TheTasks, TheVisitor
from app.errors import refusals
from app.schemas import TaskCheck, TaskDetail, TaskMeasure, TaskRequest, TaskSummary

router = APIRouter(tags=["tasks"])


@router.get(urls.twin(urls.TASKS), summary="All tasks, users' own first")
def tasks(catalogue: TheCatalogue) -> list[TaskSummary]:
    return catalogue.tasks()


@router.get(urls.TASKS, include_in_schema=False)
def tasks_page(catalogue: TheCatalogue, pages: ThePages) -> Response:
    return pages("tasks.html", "Tasks", tasks=catalogue.tasks())


@router.post(
    urls.TASKS,
    status_code=201,
    summary="Store prompt pairs of one's own as a task; the same pairs and title again answer 200",
    description="A refusal carries a sentence for every fault (`faults`, the first 50) and their number.",
    responses={200: {"model": TaskDetail, "description": "given before"}, **refusals(404, 413)},
)
def add_task(
    request: TaskRequest, library: TheLibrary, known: TheTasks, catalogue: TheCatalogue, response: Response
) -> TaskDetail:
    task, is_new = own_tasks.add(request, library, known)
    detail = catalogue.task(task.name)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = detail.url
    return detail


@router.post(
    urls.TASK_CHECK,
    summary="Check prompt pairs of one's own without storing them: every fault, the split, the tokens",
    responses=refusals(404, 413),
)
def check_task(request: TaskRequest, library: TheLibrary) -> TaskCheck:
    return own_tasks.check(request, library)


@router.get(urls.twin(urls.TASK_NEW), summary="An example of prompt pairs in the form that POST /tasks takes")
def example_pairs() -> dict[str, list[dict[str, str | list[str]]]]:
    return own_tasks.example()


@router.get(urls.TASK_NEW, include_in_schema=False)
def new_task_page(catalogue: TheCatalogue, pages: ThePages) -> Response:
    return pages("task_new.html", "A task of your own", models=catalogue.models())


@router.get(urls.twin(urls.TASK), summary="One task", responses=refusals(404))
def task(name: str, catalogue: TheCatalogue, reader: TheVisitor) -> TaskDetail:
    return catalogue.task(name, reader)


@router.get(urls.TASK, include_in_schema=False)
def task_page(name: str, catalogue: TheCatalogue, reader: TheVisitor, pages: ThePages) -> Response:
    task = catalogue.task(name, reader)
    return pages("task.html", task.title, task=task)


@router.get(urls.MODEL_TASK_JSON, summary="A task measured on a model, unpruned, now", responses=refusals(404))
def measure_task(
    name: str, task: str, experiments: TheExperiments, n_pairs: Annotated[int, Query(ge=1, le=512)] = 64
) -> TaskMeasure:
    return experiments.score(name, task, n_pairs)
