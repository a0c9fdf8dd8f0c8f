"""What a handler may ask for: the parts of the app, handed over through `app.state`."""

from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request
from fastapi.responses import Response

from app.access import Access
from app.arrivals import Arrivals
from app.cards import Cards
from app.catalogue import Catalogue
from app.compare import Comparing
from app.database import Database
from app.experiments import Experiments
from app.exports import Exports
from app.forks import Forks
from app.imports import Imports
from app.lab import Lab
from app.library import Library
from app.makers import Makers
from app.metrics import Metrics
from app.node_analyses import NodeAnalyses
from app.node_labels import NodeLabels
from app.programs import Programs
from app.prompt_analyses import PromptAnalyses
from app.queue import Queue
from app.reached import ReachedByJobs
from app.settings import Settings
from app.short_links import ShortLinks
from app.sizes import Sizes
from app.sparsity import Sparsity
from app.store import Store
from app.sweeps import Sweeps
from app.tasks import Tasks
from app.trials import Trials


class Render(Protocol):
    """Makes a page from a template: `render("task.html", task.title, task=task)`."""

    def __call__(self, template: str, page_title: str, **context: Any) -> Response: ...


async def get_settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


async def get_access(request: Request) -> Access:
    return cast(Access, request.app.state.access)


async def get_database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


async def get_metrics(request: Request) -> Metrics:
    return cast(Metrics, request.app.state.metrics)


async def get_store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


async def get_tasks(request: Request) -> Tasks:
    return cast(Tasks, request.app.state.tasks)


async def get_library(request: Request) -> Library:
    return cast(Library, request.app.state.library)


async def get_queue(request: Request) -> Queue:
    return cast(Queue, request.app.state.queue)


def get_reached(request: Request) -> ReachedByJobs:
    return cast(ReachedByJobs, request.app.state.reached)


async def get_catalogue(request: Request) -> Catalogue:
    return cast(Catalogue, request.app.state.catalogue)


async def get_experiments(request: Request) -> Experiments:
    return cast(Experiments, request.app.state.experiments)


async def get_lab(request: Request) -> Lab:
    return cast(Lab, request.app.state.lab)


async def get_sweeps(request: Request) -> Sweeps:
    return cast(Sweeps, request.app.state.sweeps)


async def get_node_analyses(request: Request) -> NodeAnalyses:
    return cast(NodeAnalyses, request.app.state.node_analyses)


async def get_prompt_analyses(request: Request) -> PromptAnalyses:
    return cast(PromptAnalyses, request.app.state.prompt_analyses)


async def get_sizes(request: Request) -> Sizes:
    return cast(Sizes, request.app.state.sizes)


async def get_comparing(request: Request) -> Comparing:
    return cast(Comparing, request.app.state.comparing)


async def get_cards(request: Request) -> Cards:
    return cast(Cards, request.app.state.cards)


async def get_trials(request: Request) -> Trials:
    return cast(Trials, request.app.state.trials)


async def get_programs(request: Request) -> Programs:
    return cast(Programs, request.app.state.programs)


async def get_sparsity(request: Request) -> Sparsity:
    return cast(Sparsity, request.app.state.sparsity)


async def get_node_labels(request: Request) -> NodeLabels:
    return cast(NodeLabels, request.app.state.node_labels)


async def get_visitor(request: Request) -> str:
    return cast(str, request.state.visitor)


async def get_exports(request: Request) -> Exports:
    return cast(Exports, request.app.state.exports)


async def get_makers(request: Request) -> Makers:
    return cast(Makers, request.app.state.makers)


async def get_forks(request: Request) -> Forks:
    return cast(Forks, request.app.state.forks)


async def get_short_links(request: Request) -> ShortLinks:
    return cast(ShortLinks, request.app.state.short_links)


async def get_origin(request: Request) -> str:
    """`https://host` as the request came in: for links that are read elsewhere."""
    return str(request.base_url).rstrip("/")


async def get_imports(request: Request) -> Imports:
    return cast(Imports, request.app.state.imports)


async def get_arrivals(request: Request) -> Arrivals:
    return cast(Arrivals, request.app.state.arrivals)


async def get_render(request: Request) -> Render:
    def render(template: str, page_title: str, **context: Any) -> Response:
        page = {"page_title": page_title, **context}
        return cast(Response, request.app.state.templates.TemplateResponse(request, template, page))

    return render


TheSettings = Annotated[Settings, Depends(get_settings)]
TheAccess = Annotated[Access, Depends(get_access)]
TheDatabase = Annotated[Database, Depends(get_database)]
TheMetrics = Annotated[Metrics, Depends(get_metrics)]
TheStore = Annotated[Store, Depends(get_store)]
TheTasks = Annotated[Tasks, Depends(get_tasks)]
TheLibrary = Annotated[Library, Depends(get_library)]
TheQueue = Annotated[Queue, Depends(get_queue)]
TheReached = Annotated[ReachedByJobs, Depends(get_reached)]
TheCatalogue = Annotated[Catalogue, Depends(get_catalogue)]
TheExperiments = Annotated[Experiments, Depends(get_experiments)]
TheLab = Annotated[Lab, Depends(get_lab)]
TheSweeps = Annotated[Sweeps, Depends(get_sweeps)]
TheNodeAnalyses = Annotated[NodeAnalyses, Depends(get_node_analyses)]
ThePromptAnalyses = Annotated[PromptAnalyses, Depends(get_prompt_analyses)]
TheSizes = Annotated[Sizes, Depends(get_sizes)]
TheComparing = Annotated[Comparing, Depends(get_comparing)]
TheCards = Annotated[Cards, Depends(get_cards)]
TheTrials = Annotated[Trials, Depends(get_trials)]
ThePrograms = Annotated[Programs, Depends(get_programs)]
TheSparsity = Annotated[Sparsity, Depends(get_sparsity)]
TheNodeLabels = Annotated[NodeLabels, Depends(get_node_labels)]
TheVisitor = Annotated[str, Depends(get_visitor)]
TheExports = Annotated[Exports, Depends(get_exports)]
TheMakers = Annotated[Makers, Depends(get_makers)]
TheForks = Annotated[Forks, Depends(get_forks)]
TheShortLinks = Annotated[ShortLinks, Depends(get_short_links)]
TheOrigin = Annotated[str, Depends(get_origin)]
TheImports = Annotated[Imports, Depends(get_imports)]
TheArrivals = Annotated[Arrivals, Depends(get_arrivals)]
ThePages = Annotated[Render, Depends(get_render)]
