"""The one-time code: computed when it is needed, kept nowhere.

RFC 4226 (HOTP) over a key derived for each certificate by HMAC-SHA256 from a master key; the
counter is the certificate's code version. The code, the key and the derived key never leave this
module but in the one answer they are asked for.
"""

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from pipelines.cvc_keys import CvcKeys


def compute_cvc(keys: CvcKeys, key_id: str, certificate_id: str, version: int, digits: int) -> str:
    """The code of one version of one certificate. KeyError when the key id is not at hand."""
    derived = hmac.new(keys.by_id[key_id], certificate_id.encode(), sha256).digest()
    # SHA-1 is what RFC 4226 is defined over; HMAC with it is not affected by its collisions.
    return HOTP(derived, digits, SHA1()).generate(version).decode()  # noqa: S303 - see above
