"""What a killable worker loads before it is forked."""

import app.workplace  # noqa: F401
