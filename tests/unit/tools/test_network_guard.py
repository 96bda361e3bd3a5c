"""Tests reach this machine and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address for documentation, which no host has


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["stream", "datagram"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, request.param) as made:
        yield made


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda endpoint: endpoint.connect(ELSEWHERE),
        lambda endpoint: endpoint.connect_ex(ELSEWHERE),
        lambda endpoint: endpoint.sendto(b"x", ELSEWHERE),
        lambda endpoint: endpoint.sendto(b"x", 0, ELSEWHERE),
        lambda endpoint: socket.getaddrinfo("example.org", 443),
        lambda endpoint: socket.create_connection(("example.org", 443)),
    ],
    ids=["connect", "connect_ex", "sendto", "sendto with flags", "getaddrinfo", "create_connection"],
)
def test_another_host_is_refused(endpoint: socket.socket, reach_out: Callable[[socket.socket], object]) -> None:
    with pytest.raises(RuntimeError, match="tests run offline"):
        reach_out(endpoint)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_loopback_is_reached(name: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((name, server.getsockname()[1])) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert client.getpeername() == path
