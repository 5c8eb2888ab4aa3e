"""What an address of a broker or a web server looks like.

Owns the form only; must not resolve a name or open a connection.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def broker_list(value: str) -> str:
    """`HOST:PORT`, or several with commas between; ValueError otherwise."""
    for broker in value.split(","):
        match = _HOST_PORT.fullmatch(broker.strip())
        if match is None or not 0 < int(match[2]) < 65536:
            raise ValueError("it must be HOST:PORT, or several of them with commas between")
    return value


def web_address(value: str) -> str:
    """An http(s) address without user or closing slash; ValueError otherwise."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"\s", value):
        raise ValueError("it must be an address like http://host:8080")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it must not carry a user name or password")
    return value.rstrip("/")


def is_loopback(address: str) -> bool:
    """Whether a web address is of this machine itself, by its form: no name is resolved."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
