"""Pages of the guide."""

from app.schemas.base import Wire


class GuideSummary(Wire):
    slug: str
    url: str
    title: str


class GuidePage(GuideSummary):
    """A page and its text; blocks marked python and sh are run by the tests."""

    markdown: str
