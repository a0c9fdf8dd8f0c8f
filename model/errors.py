"""What can be wrong with what a person gives: each error is one sentence that names the value and the choices."""


class InputError(ValueError):
    """Something given from outside cannot be used; the message is one sentence for people."""


class CheckpointError(InputError):
    """A model folder is broken, incomplete or of another form."""


class UnknownName(InputError):
    """A name that is not one of the choices."""

    @classmethod
    def among(cls, kind: str, name: str, choices: object) -> "UnknownName":
        known = ", ".join(sorted(map(str, choices))) or "none"  # type: ignore[call-overload]
        return cls(f"no {kind} {name!r}; there is: {known}")
