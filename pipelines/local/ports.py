"""Owns loopback ports that are ours from the moment they are chosen.

A port found free and let go can be gone a moment later. Here we keep it bound, without listening,
until the program meant for it listens on it too: Linux allows that where both sides ask to reuse
the address, and gives the port to nobody else. Elsewhere it is let go at once.
"""

import socket
import sys

from pipelines.local.running_broker import LocalError

LOOPBACK = "127.0.0.1"


class HeldPort:
    """A loopback port kept for a child process: `port`, or any free one."""

    def __init__(self, port: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if port is not None:
            # What is left of an earlier run's connections must not refuse us; a listener must.
            self._reuse()
        try:
            self._socket.bind((LOOPBACK, port or 0))
        except OSError as error:
            self._socket.close()
            message = f"port {port or 'any'} on {LOOPBACK} cannot be used: {error.strerror}"
            raise LocalError(message) from None
        self.port: int = self._socket.getsockname()[1]
        self._reuse()
        if sys.platform != "linux":
            self._socket.close()

    def release(self) -> None:
        """Let the port go; may be called again."""
        self._socket.close()

    def _reuse(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def preferred_port(port: int | None) -> HeldPort:
    """Hold `port` where it can be had, and any free one where it cannot."""
    try:
        return HeldPort(port)
    except LocalError:
        return HeldPort()
