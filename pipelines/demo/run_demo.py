"""The demo with everything around it: a fresh stack, its settings, a place for its files.

The composition root of the demo: the one place where stack, loader, driver and audit meet.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final
from uuid import uuid4

from pipelines.audit.run_audit import run_audit
from pipelines.demo.address_book import AddressBook
from pipelines.demo.baskets import CURRENCY, BasketData
from pipelines.demo.driver import Demo, DemoPlan
from pipelines.demo.paced import ORDERS_A_SECOND, SECONDS
from pipelines.demo.progress import Meter
from pipelines.demo.proving import prove
from pipelines.demo.report import Result
from pipelines.demo.stock import LOW_MARK
from pipelines.faults import OperatorError
from pipelines.loader.load_file import load_file
from pipelines.local.neighbours import ALL, in_words
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.secret_files import read_secret
from pipelines.settings import ENV_PREFIX, Settings, load_settings, load_settings_of

_ADDRESS: Final = re.compile(r".+:\d+")
_LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What a person may choose. `data_dir` None: a temporary directory, deleted at the end.

    `stay`: everything is kept running after the report, until it is interrupted.
    """

    broker: str
    data_dir: Path | None
    seed: int
    paced_orders: int = ORDERS_A_SECOND * SECONDS
    prove: bool = False
    stay: bool = False


def run_demo(
    options: DemoOptions, data: BasketData, meter: Meter, *, report: Callable[[Result], None]
) -> Result:
    """Play the demo once and give its result; nothing of it runs afterwards.

    `report` gets it too, while everything runs.
    """
    began_s, run_id = monotonic(), uuid4().hex[:12]
    _refuse_what_others_run()
    with _folder(options.data_dir) as folder:
        stack = Stack(_stack_options(options, folder / "stack", run_id), say=meter.say)
        with stack, _address_book(stack) as book:
            settings = load_settings_of(stack.environment)
            for line in in_words(stack.urls):
                meter.say(line)
            plan = DemoPlan(
                settings=settings,
                url=stack.http_urls[0],
                token=stack.token,
                token_of=book.token_of,
                broker=stack.broker.kind,
                run_id=run_id,
                seed=options.seed,
                folder=folder,
                load=lambda path, pool: _load(path, pool, settings),
                audit=lambda: run_audit(
                    settings, stack.http_urls, token=lambda: stack.token("auditor")
                ),
                prove=(lambda: prove(settings, stack, folder, meter.say))
                if options.prove
                else None,
                check_stack=stack.check,
                began_s=began_s,
                paced_orders=options.paced_orders,
            )
            result = Demo(plan, data, meter).play()
            report(result)
            if options.stay:
                stay(stack.check, stack.urls, meter)
            return result


def _refuse_what_others_run() -> None:
    """The demo is alone with its stack: it registers no contract and asks nobody for a token."""
    settings = load_settings()
    if settings.schema_registry_url is not None:
        raise OperatorError(
            f"the demo works without a schema registry: unset {ENV_PREFIX}SCHEMA_REGISTRY_URL"
        )
    if settings.token_issuer is not None:
        raise OperatorError(f"the demo makes its own tokens: unset {ENV_PREFIX}TOKEN_ISSUER")


def _stack_options(options: DemoOptions, data_dir: Path, run_id: str) -> StackOptions:
    environment = {
        f"{ENV_PREFIX}POOL_LOW_MARK": str(LOW_MARK),
        # A year of sales in minutes is more than any shop asks; nothing is measured behind a limit.
        f"{ENV_PREFIX}RATE_LIMIT": "1000000/minute",
        # The shop of the stack is one more of the chain's, and its customers speak its language.
        f"{ENV_PREFIX}SHOP_CURRENCY": CURRENCY,
        f"{ENV_PREFIX}SHOP_NOMINALS": "25,50,100",
        f"{ENV_PREFIX}CRM_LANGUAGE": "en",
    }
    # On a broker that others use, topics of our own: the stream must hold this run and no other.
    prefix = f"demo-{run_id}-" if _ADDRESS.fullmatch(options.broker) else None
    return StackOptions(
        data_dir=data_dir,
        broker=options.broker,
        neighbours=ALL,
        topic_prefix=prefix,
        environment=environment,
    )


def _address_book(stack: Stack) -> AddressBook:
    """The shop's directory, which its own customers are in, too."""
    secret = read_secret(stack.gateway_secret_file, "the gateway's secret")
    return AddressBook(f"{stack.urls['shop']}gateway/addresses", secret)


def stay(check: Callable[[], None], urls: Mapping[str, str], meter: Meter) -> None:
    """Let everything run until interrupted. `check` raises what ended by itself."""
    meter.say("Everything goes on; Ctrl-C ends it:")
    for line in in_words(urls):
        meter.say(line)
    try:
        while True:
            check()
            sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        meter.say("stopped")


def _load(path: Path, pool: str, settings: Settings) -> int:
    """Load a file whole and say how many numbers that is."""
    summary = load_file(path, pool, settings)
    if not summary.complete:
        codes = ", ".join(f"{code} {count:,}" for code, count in sorted(summary.codes.items()))
        raise OperatorError(f"the delivery {path.name} did not go in whole: {codes}")
    return summary.rows


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is None:
        with TemporaryDirectory(prefix="giftcert-demo-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    chosen.mkdir(parents=True, exist_ok=True)
    if any(chosen.iterdir()):
        raise OperatorError(f"{chosen} is not empty: the demo starts afresh, give it a new one")
    yield chosen
