"""Tasks: what a model must tell apart, with examples."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheCatalogue, ThePages
from app.errors import refusals
from app.schemas import TaskDetail, TaskSummary

router = APIRouter(tags=["tasks"])


@router.get(urls.twin(urls.TASKS), summary="All tasks")
def tasks(catalogue: TheCatalogue) -> list[TaskSummary]:
    return catalogue.tasks()


@router.get(urls.TASKS, include_in_schema=False)
def tasks_page(catalogue: TheCatalogue, pages: ThePages) -> Response:
    return pages("tasks.html", "Tasks", tasks=catalogue.tasks())


@router.get(urls.twin(urls.TASK), summary="One task", responses=refusals(404))
def task(name: str, catalogue: TheCatalogue) -> TaskDetail:
    return catalogue.task(name)


@router.get(urls.TASK, include_in_schema=False)
def task_page(name: str, catalogue: TheCatalogue, pages: ThePages) -> Response:
    task = catalogue.task(name)
    return pages("task.html", task.title, task=task)
