"""Every metric of ours by name, and what a query names: so that nothing is asked that nobody shows.

Owns the reading of names out of PromQL, which is no parser: a word is a metric's when it begins
with one of our prefixes.
"""

import re
from typing import Final

from tests.docs_metrics import ROWS
from tests.observability.rule_files import recordings

_WORD: Final = re.compile(r"(?<![\w:.\"])(?:giftcert[_:]|process_)[\w:]+")
_HISTOGRAM: Final = ("_bucket", "_count", "_sum")


def shown() -> frozenset[str]:
    """The names of all series that the service shows, and of those that the rules record."""
    rows = [row for table in ROWS.values() for row in table]
    names = {row.name for row in rows if row.kind != "histogram"}
    for row in rows:
        if row.kind == "histogram":
            names |= {f"{row.name}{ending}" for ending in _HISTOGRAM}
    return frozenset(names | {rule.name for rule in recordings()})


def named(query: str) -> frozenset[str]:
    """The names of ours that a query asks for."""
    return frozenset(_WORD.findall(query))
