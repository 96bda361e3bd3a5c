"""How a run of the command line ends: the exit codes, and which error ends with which.

Left to others: printing the error (`privledger.cli.app`).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Status", "status_of"]


class Status(IntEnum):
    """The exit codes, stable for scripts."""

    DONE = 0
    """Done; of `verify` and `audit`: everything that was checked holds."""
    FALSE = 1
    """Checked and false: a signature, a proof, a passphrase or a file does not hold."""
    USAGE = 2
    """The command was not understood, names something that is not there, or asks for something that cannot be."""
    FAILED = 3
    """Could not check or do it: there already, locked, refused, away, disk full, unreadable; or a bug."""
    NOT_AUTHORISED = 4
    """A vault or keeper refused, or the grant is somebody else's: revoked, expired, never granted."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT)."""


def status_of(error: BaseException) -> Status:
    """The exit code of an error that the library or the command line raised."""
    # Imported here: this module is loaded for `--help` too, which needs no errors.
    from privledger.protocol.errors import AuthorisationError, UsageError, VerificationError

    if isinstance(error, UsageError):
        return Status.USAGE
    if isinstance(error, VerificationError) and error.code == "not_addressee":
        return Status.NOT_AUTHORISED
    if isinstance(error, VerificationError):
        return Status.FALSE
    if isinstance(error, AuthorisationError):
        return Status.NOT_AUTHORISED
    return Status.FAILED
