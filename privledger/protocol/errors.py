"""The errors of `privledger`, by whose fault it is.

    PrivledgerError
    ├── FormatError          their data is malformed: not canonical, truncated, oversize, of an unknown version
    ├── VerificationError    their data is well-formed and false
    ├── AuthorisationError   a vault or keeper refuses; names the step once control is proven
    ├── RefusedError         the ledger's rules refuse an entry; carries the stable code
    ├── ConflictError        what is there already contradicts what was asked
    ├── UsageError           the caller asked for something that cannot be (a path, an option, an amount)
    └── UnavailableError     could not be done now: locked, disk full, clock gone back, stale view

Every message says what is wrong and where; `hint` says what to do next. No message carries a secret.
"""

from __future__ import annotations

__all__ = [
    "AuthorisationError",
    "ConflictError",
    "FormatError",
    "PrivledgerError",
    "RefusedError",
    "UnavailableError",
    "UsageError",
    "VerificationError",
]


class PrivledgerError(Exception):
    """Base of every error that `privledger` raises on purpose.

    Args:
        message: what is wrong and where.
        hint: what to do about it, a whole sentence, or None.
        code: a stable word for programs; the default is the class's own.
    """

    default_code = "error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code or self.default_code

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between worker processes; keyword arguments would be lost by the default.
        return (_rebuild, (type(self), str(self), self.__dict__))


def _rebuild(kind: type[PrivledgerError], message: str, attributes: dict[str, object]) -> PrivledgerError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(attributes)
    return error


class FormatError(PrivledgerError):
    """The bytes are not a well-formed, canonical encoding of what was expected."""

    default_code = "malformed"


class VerificationError(PrivledgerError):
    """The bytes are well-formed, and what they claim is false."""

    default_code = "false"


class AuthorisationError(PrivledgerError):
    """A vault or keeper refuses.

    Args:
        step: the step of docs/spec/release.md §2 that failed, 1 to 5.
        entry: the index of the log entry that ended the right, where one did.
    """

    default_code = "unproven"

    def __init__(
        self,
        message: str,
        *,
        code: str,
        step: int,
        entry: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.step = step
        self.entry = entry


class RefusedError(PrivledgerError):
    """The ledger's rules refuse an entry; `code` is one of docs/spec/entries.md §2."""

    default_code = "refused"


class ConflictError(PrivledgerError):
    """What is stored already contradicts what was asked."""

    default_code = "conflict"


class UsageError(PrivledgerError):
    """The caller asked for something that cannot be."""

    default_code = "usage"


class UnavailableError(PrivledgerError):
    """It could not be done now; nothing was half-written."""

    default_code = "unavailable"
