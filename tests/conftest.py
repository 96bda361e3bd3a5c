"""What holds for every test: no network but loopback, one Hypothesis profile, and the table of vector sets.

The guard is in place before a test module is imported, so an import cannot reach out either. It does not reach into child
processes that a test starts.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.vectors.summary import VectorSummary

# Machines differ in speed, so no test fails for being slow; in CI the same examples are tried every time.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")


class NetworkUsedError(RuntimeError):
    """A test tried to reach something other than this machine."""


def _is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_unless_local(address: object) -> None:
    """Unix sockets have a path for an address, and pass; internet sockets have a tuple that opens with the host."""
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise NetworkUsedError(f"tests run offline, and this one tried to reach {address!r}")


def _guarded(method: str, address_index: int) -> Callable[..., Any]:
    original = getattr(socket.socket, method)

    def guarded(self: socket.socket, *args: Any) -> Any:
        _refuse_unless_local(args[address_index])
        return original(self, *args)

    return guarded


def _guarded_getaddrinfo(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_unless_local((host,))
        return original(host, *args, **kwargs)

    return guarded


def pytest_configure(config: pytest.Config) -> None:
    """Closes the network and adds the table of vector sets."""
    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", _guarded("connect", 0))
    patch.setattr(socket.socket, "connect_ex", _guarded("connect_ex", 0))
    patch.setattr(socket.socket, "sendto", _guarded("sendto", -1))
    patch.setattr(socket, "getaddrinfo", _guarded_getaddrinfo(socket.getaddrinfo))
    config.add_cleanup(patch.undo)
    config.pluginmanager.register(VectorSummary(Path(__file__).parent / "vectors", config.rootpath), "vector-summary")


@pytest.fixture
def repository_root() -> Path:
    """The checkout that the tests stand in."""
    return Path(__file__).resolve().parent.parent
