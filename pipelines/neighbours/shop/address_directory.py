"""Which address a token stands for: what the CRM keeps in a real retailer, kept here in memory.

Owns the tokens. An order carries the token and never the address, so that no topic has an address.
Must not write an address anywhere.
"""

import secrets
from collections import OrderedDict
from threading import Lock
from typing import Final

_TOKEN_BYTES: Final = 10


class AddressDirectory:
    """Addresses by token, the last so many, for any thread."""

    def __init__(self, kept_max: int) -> None:
        self._kept_max = kept_max
        self._lock = Lock()
        self._addresses: OrderedDict[str, str] = OrderedDict()
        self._tokens: dict[str, str] = {}

    def token_for(self, address: str) -> str:
        """A token that says nothing of the address; the same address keeps the one it has."""
        with self._lock:
            token = self._tokens.get(address)
            if token is None:
                # Letters only: nobody shall take it for a phone number.
                digits = secrets.token_hex(_TOKEN_BYTES)
                token = "to-" + digits.translate(str.maketrans("0123456789", "ghijklmnop"))
                self._tokens[address] = token
            self._addresses[token] = address
            self._addresses.move_to_end(token)
            if len(self._addresses) > self._kept_max:
                _, forgotten = self._addresses.popitem(last=False)
                del self._tokens[forgotten]
            return token

    def address_of(self, token: str) -> str | None:
        """The address, or None where the token is not known here (any more)."""
        with self._lock:
            return self._addresses.get(token)
