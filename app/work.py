"""What the worker does with a job, by its kind."""

from app.cards import Cards
from app.job_shares import Share
from app.jobs import Report, ShareReport
from app.mean_work import MeanWork
from app.pruning import Pruning
from app.schemas import CardRequest, JobRequest, MeansRequest, SearchRequest, SweepJob
from app.searching import Searching
from app.sweeps import Sweeps


class Work:
    """Prunes, searches for their settings, controls for cards, large sweeps, and means of models that brought none."""

    def __init__(self, pruning: Pruning, searching: Searching, cards: Cards, means: MeanWork, sweeps: Sweeps) -> None:
        self.pruning = pruning
        self.searching = searching
        self.cards = cards
        self.means = means
        self.sweeps = sweeps

    def __call__(self, request: JobRequest, report: Report) -> str | None:
        if isinstance(request, MeansRequest):
            self.means.compute(request.model, on_step=report.step, should_stop=report.should_stop)
            return None
        if isinstance(request, CardRequest):
            return self.cards.work(request, report)
        if isinstance(request, SearchRequest):
            return self.searching(request, report)
        if isinstance(request, SweepJob):
            return self.sweeps.work(request, report)
        return self.pruning(request, report)

    def help(self, share: Share, report: ShareReport) -> str:
        """Do a share of a job that another worker leads."""
        request = share.request
        if isinstance(request, SearchRequest):
            return self.searching.help(request, share.asked, report)
        if isinstance(request, SweepJob):
            return self.sweeps.help(request, share.number, report)
        raise AssertionError(f"a {request.kind} has no shares")
