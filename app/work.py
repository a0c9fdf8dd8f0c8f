"""What the worker does with a job, by its kind."""

from app.cards import Cards
from app.jobs import Report
from app.pruning import Pruning
from app.schemas import CardRequest, JobRequest


class Work:
    """Prunes, and controls for cards."""

    def __init__(self, pruning: Pruning, cards: Cards) -> None:
        self.pruning = pruning
        self.cards = cards

    def __call__(self, request: JobRequest, report: Report) -> str:
        return self.cards.work(request, report) if isinstance(request, CardRequest) else self.pruning(request, report)
