"""What can go wrong with a job that is nobody's input: memory, disk, device. Each in one sentence, without a path."""

import errno
from typing import Literal

from sqlalchemy.exc import OperationalError

from app.artifacts import ArtifactsAway

What = Literal["memory", "disk", "device", "store", "artifacts", "app"]

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def what_went_wrong(error: BaseException) -> What:
    """The cause, looked for in the error and in what it came from."""
    while True:
        name, text = type(error).__name__, str(error).lower()
        if isinstance(error, MemoryError) or name == "OutOfMemoryError" or "allocate memory" in text:
            return "memory"
        if isinstance(error, ArtifactsAway):
            return "artifacts"
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return "memory"
        if isinstance(error, OSError) and error.errno in _FULL:
            return "disk"
        if isinstance(error, OperationalError):
            full = "disk is full" in text or "disk i/o" in text or "no space left" in text
            return "disk" if full else "store"
        if name == "AcceleratorError" or "cuda error" in text or "device-side assert" in text:
            return "device"
        if error.__cause__ is None:
            return "app"
        error = error.__cause__


def sentence_of(what: What, error: BaseException) -> str:
    """For people; the error's own text stays in the log, for it may name files of the server."""
    return {
        "memory": "memory ran out; fewer pairs in a step need less",
        "disk": "the server's disk is full; nothing more could be written down",
        "device": "the GPU was lost while the job ran; ask for it again once it is back",
        "store": "the store could not be reached",
        "artifacts": "the place of the artifacts, SPARSESCOPE_ARTIFACTS, does not answer",
        "app": f"something went wrong in the app ({type(error).__name__}); the server's log says what",
    }[what]


#: These pass: the job waits and goes on.
PASSES: tuple[What, ...] = ("store", "artifacts")
#: After these a process cannot be trusted: its memory is full, or its device's context is dead.
ENDS_PROCESS: tuple[What, ...] = ("memory", "device")
