"""Asks processes what they say of themselves: health, readiness and figures, which need no token.

Owns the calls, all at once and each within its time, and what an answer means. Who there is to ask
is for those who call; a process that does not answer is an answer.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from pipelines.edge_client import trusted
from pipelines.status.beside import beside, in_time
from pipelines.status.figures import Figures, NoFigures

ANSWER_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a process said. `fault`: it did not, and why; the rest means nothing then."""

    fault: str = ""
    alive: bool = False
    ready: bool = False
    figures: Figures = field(default_factory=Figures)


class Processes:
    """Asks by one client. To be closed."""

    def __init__(
        self, authorities: Path | None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        # Their addresses are inside the cluster: a proxy for the outside has no business here.
        self._client = httpx.Client(
            timeout=ANSWER_S, transport=transport, trust_env=False, verify=trusted(authorities)
        )

    def close(self) -> None:
        """Give up the connections, and wait for nobody."""
        self._client.close()

    def ask(self, urls: Iterable[str]) -> Mapping[str, Said]:
        """What each says, all asked at once. Ends in time, whatever they do."""
        asked = {url: beside(partial(self._said, url)) for url in dict.fromkeys(urls)}
        deadline_s = time.monotonic() + ANSWER_S
        late = Said(fault=f"no answer within {ANSWER_S:g} s")
        return {url: in_time(answer, deadline_s) or late for url, answer in asked.items()}

    def _said(self, url: str) -> Said:
        try:
            figures = self._client.get(f"{url}/metrics")
            if figures.status_code != httpx.codes.OK:
                return Said(fault=f"its figures: {figures.status_code}")
            alive, ready = (self._client.get(f"{url}{path}") for path in ("/healthz", "/readyz"))
            return Said(
                alive=alive.is_success,
                ready=ready.is_success,
                figures=Figures.of(figures.text),
            )
        except NoFigures as error:
            return Said(fault=str(error))
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Said(fault=str(error) or type(error).__name__)
        except RuntimeError as error:
            # The client was closed while this one was late: nobody hears the answer.
            return Said(fault=str(error))
