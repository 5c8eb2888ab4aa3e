"""A held port is given to nobody else, and the program meant for it can listen on it."""

import socket
import sys

import pytest

from pipelines.local.ports import LOOPBACK, HeldPort, preferred_port
from pipelines.local.running_broker import LocalError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a port be held")


def listening(port: int) -> socket.socket:
    """A listener that asks to reuse its address, as Java, uvicorn and noida-db do."""
    return socket.create_server((LOOPBACK, port))


def test_listen_on_held_port_by_its_program_works() -> None:
    held = HeldPort()
    with listening(held.port):
        held.release()


@on_linux
def test_bind_held_port_without_reuse_is_refused() -> None:
    held = HeldPort()
    with socket.socket() as other, pytest.raises(OSError, match="already in use"):
        other.bind((LOOPBACK, held.port))
    held.release()


def test_hold_port_somebody_listens_on_is_refused_in_one_line() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        with pytest.raises(LocalError) as refused:
            HeldPort(port)
    assert str(refused.value) == f"port {port} on 127.0.0.1 cannot be used: Address already in use"


def test_prefer_port_somebody_listens_on_takes_another() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        held = preferred_port(port)
    assert held.port != port
    held.release()


def test_prefer_free_port_takes_it() -> None:
    first = HeldPort()
    first.release()
    again = preferred_port(first.port)
    assert again.port == first.port
    again.release()


def test_release_port_twice_is_no_error() -> None:
    held = HeldPort()
    held.release()
    held.release()
