"""What a certificate number and the name of a pool may look like.

Owns the two forms and that no value has both: numbers and pool names are keys of one topic, so a
number always holds a digit and a pool's name never does. Knows nothing of files or records.
"""

import re
from typing import Final

SHORTEST: Final = 6
LONGEST: Final = 32

_NUMBER: Final = re.compile(rf"(?=.*[0-9])[A-Z0-9-]{{{SHORTEST},{LONGEST}}}")
_OTHER: Final = re.compile(r"[^A-Z0-9-]")
_POOL: Final = re.compile(r"[A-Z][A-Z_]{1,31}")


def fault_of(number: str) -> str | None:
    """What is wrong with a certificate number, to be read after its name; None: nothing is.

    The text never holds the number itself.
    """
    if _NUMBER.fullmatch(number) is not None:
        return None
    if not number:
        return "is empty"
    if _OTHER.search(number) is not None:
        return "holds something else than A-Z, 0-9 and -"
    if not SHORTEST <= len(number) <= LONGEST:
        return f"has {len(number)} characters, not {SHORTEST} to {LONGEST}"
    return "has no digit"


def pool_fault_of(pool: str) -> str | None:
    """What is wrong with the name of a pool, to be read after its name; None: nothing is."""
    if not pool:
        return "is empty"
    if _POOL.fullmatch(pool) is None:
        return "is not 2 to 32 of A-Z and _, beginning with a letter"
    return None
