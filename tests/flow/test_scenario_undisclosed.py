"""What must never be written down is nowhere: not on a topic, not in a log, not in a store.

The file's name puts it behind the other scenarios, so that it looks at what all of them left.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.topics import ALL_SALES_ORDER
from state.certificate.commands import RequestNotification
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Service
from tests.flow.source_messages import Delivery, Payment


def on_topics(service: Service, *, source: bool) -> Iterator[tuple[str, bytes]]:
    """Every byte of every record, decompressed by the consumer.

    Those of our topics and the changelogs, or, as the `source`, the orders as they came.
    """
    for topic, records in service.log.records.items():
        if (topic == ALL_SALES_ORDER.name) is source:
            for record in records:
                headers = b"".join(name.encode() + value for name, value in record.headers)
                yield topic, (record.key or b"") + (record.value or b"") + headers


def on_disk(service: Service, folder: str) -> Iterator[tuple[str, bytes]]:
    """Every byte of every file the workers wrote. What a store compressed lies on its changelog."""
    for path in sorted((service.data_dir / folder).rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


def master_keys(service: Service) -> list[bytes]:
    """The keys, as they are and as the file has them."""
    path = Path(service.stack.environment["GIFTCERT_CVC_KEY_FILE"])
    texts: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    encoded = [text.encode() for text in texts.values()]
    return encoded + [base64.b64decode(text) for text in encoded]


def test_code_address_and_master_key_are_written_down_nowhere(scenario: Scenario) -> None:
    """A whole life, codes revealed twice; then everything that was written is searched."""
    service = scenario.service
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    token = f"address-token-of-{scenario.tag}"
    scenario.tell(
        replace(purchase(number, order_id), address_token=token),
        Payment(payment_id="p", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.await_story(number, "activate")
    assert scenario.ask_cvc(number, f"{number}-a").status_code == 200
    failed = Delivery(
        number=number, notification_id=scenario.notification(number), outcome="FAILED"
    )
    scenario.tell(failed)
    scenario.await_story(number, "notification.failed")
    scenario.command(number, RequestNotification(notification_channel=None))
    scenario.await_story(number, "notification.requested")
    assert scenario.ask_cvc(number, f"{number}-b").status_code == 200
    scenario.spend(number, 100)
    scenario.settle()

    codes = [code.encode() for code in service.revealed]
    assert len(codes) >= 2
    hidden = [token.encode(), *codes, *master_keys(service)]
    places = [
        *on_topics(service, source=False),
        *on_disk(service, "state"),
        *on_disk(service, "logs"),
    ]
    found = [where for where, content in places for secret in hidden if secret in content]
    assert found == []

    # The search itself can find: the token where it came from, the number in topics and stores.
    assert any(token.encode() in content for _, content in on_topics(service, source=True))
    for whereabouts in (on_topics(service, source=False), on_disk(service, "state")):
        assert any(number.encode() in content for _, content in whereabouts)
    assert all(any(True for _ in on_disk(service, folder)) for folder in ("state", "logs"))


def test_logs_show_no_whole_certificate_number(scenario: Scenario) -> None:
    """The last four at most, also where a request was refused."""
    service = scenario.service
    number = scenario.sell()
    scenario.support(number, "unlock")
    scenario.ask_cvc(number, f"{number}-a")
    scenario.settle()
    logs = b"".join(content for _, content in on_disk(service, "logs"))
    assert logs, "the workers say at least that they started"
    assert number.encode() not in logs
