"""The guide: Markdown pages of `docs/guide/`, one a task, as HTML that stands under the page's own policy."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markupsafe import Markup

from app import urls
from app.errors import no_such
from app.settings import shipped

DOCS = shipped("docs")
#: In the order in which they are read; every page is a file of docs/guide, the last one lies beside that folder.
PAGES = (
    "browse", "prune", "ablate", "share", "bring-your-model", "bring-your-task", "read-the-card", "formats", "api",
    "deploy", "forms",
)  # fmt: skip


class Page(NamedTuple):
    slug: str
    title: str
    markdown: str

    @property
    def url(self) -> str:
        return urls.guide_page(self.slug)


def pages() -> list[Page]:
    """All that there are; an installation without its docs has none."""
    return [_read(slug) for slug in PAGES if _file(slug).is_file()]


def page(slug: str) -> Page:
    """Raises a 404 Refusal that names the pages."""
    known = [found.slug for found in pages()]
    if slug not in known:
        raise no_such("page of the guide", slug, known)
    return _read(slug)


@cache
def html_of(slug: str) -> Markup:
    """A page's text as HTML. What is HTML in the Markdown shows as text."""
    return Markup(_markdown().render(_linked(_read(slug).markdown)))


def _file(slug: str) -> Path:
    return DOCS / "formats.md" if slug == "forms" else DOCS / "guide" / f"{slug}.md"


@cache
def _read(slug: str) -> Page:
    text = _file(slug).read_text()
    return Page(slug, text.split("\n", 1)[0].removeprefix("# ").strip(), text)


def _linked(text: str) -> str:
    """Links between files, which work in the repository, as addresses of the server."""
    text = re.sub(r"\]\((?:\.\./)?screenshots/([a-z0-9-]+\.png)\)", rf"]({urls.GUIDE}/screenshots/\1)", text)
    text = re.sub(r"\]\(\.\./formats\.md(#[^)]*)?\)", rf"]({urls.guide_page('forms')}\1)", text)
    return re.sub(r"\]\(([a-z-]+)\.md(#[^)]*)?\)", rf"]({urls.GUIDE}/\1\2)", text)


def _markdown() -> MarkdownIt:
    """CommonMark with tables; headings can be linked to, what is wide scrolls by itself."""
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    return markdown


class _Renderer(RendererHTML):
    """The page's own classes; no style and no script."""

    def heading_open(self, tokens, i, options, env):  # type: ignore[no-untyped-def]
        words = re.sub(r"[^a-z0-9]+", "-", tokens[i + 1].content.lower()).strip("-")
        tokens[i].attrSet("id", words)
        return self.renderToken(tokens, i, options, env)

    def table_open(self, tokens, i, options, env):  # type: ignore[no-untyped-def]
        return '<div class="table-wrap" tabindex="0"><table>\n'

    def table_close(self, tokens, i, options, env):  # type: ignore[no-untyped-def]
        return "</table></div>\n"

    def fence(self, tokens, i, options, env):  # type: ignore[no-untyped-def]
        text = Markup.escape(tokens[i].content)
        return f'<pre class="prompt" tabindex="0"><code>{text}</code></pre>\n'

    def image(self, tokens, i, options, env):  # type: ignore[no-untyped-def]
        tokens[i].attrSet("loading", "lazy")
        return super().image(tokens, i, options, env)
