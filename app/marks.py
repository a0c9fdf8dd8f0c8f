"""What a command writes into a README: lines between two marks, each a comment."""

from collections.abc import Sequence
from pathlib import Path

from app.errors import Refusal


def write_between(readme: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Put the lines in the place of those between the marks; a 422 Refusal where the file lacks them."""
    text = readme.read_text()
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise Refusal(422, f"{readme.name} lacks the marks {begin} and {end}")
    readme.write_text("\n".join([f"{before}{begin}", *lines, f"{end}{after}"]))
