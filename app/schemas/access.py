"""What a visitor may do, on the wire."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Wire


class Who(Wire):
    """Whoever is at home is on the server's own machine, where there is no token."""

    standing: Literal["at_home", "signed_in", "visitor", "read_only"]
    may_write: bool = Field(description="start jobs, add models, edit; reading and computing are open to all")
