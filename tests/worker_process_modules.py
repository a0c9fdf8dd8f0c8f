"""What a killable worker loads before it is forked: its parts, and what loading a model loads."""

import torch._dynamo  # noqa: F401

import app.workplace  # noqa: F401
