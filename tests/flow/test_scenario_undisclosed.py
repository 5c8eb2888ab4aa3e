"""What must never be written down is nowhere: no topic, store, log, figure or answer has it.

The file's name puts it behind the other scenarios, so that it looks at what all of them left.
"""

import pytest

from pipelines.topics import ALL_SALES_ORDER
from tests.flow import written_down
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service
from tests.flow.whole_life import TRACE, Overheard, WholeLife, overheard, secrets_of
from tests.flow.written_down import disclosed, found_in


def lived(scenario: Scenario) -> tuple[WholeLife, Overheard]:
    """Every call made, rightly and wrongly."""
    life = WholeLife(scenario)
    with overheard(scenario.service) as heard:
        life.run()
    assert heard.not_asked() == set()
    return life, heard


@pytest.mark.timeout(400)  # It reads all that the tests before it have left behind.
def test_secrets_are_nowhere_after_a_whole_life_and_every_call(scenario: Scenario) -> None:
    """Codes, keys, tokens, addresses; and of numbers no more than the last four in what is said."""
    life, heard = lived(scenario)
    hidden, address = secrets_of(life), life.address.encode()
    number = life.number.encode()
    assert disclosed(scenario.service, hidden, [address]) == []
    assert found_in(heard.told(), [*hidden, address]) == []
    assert found_in(heard.refusals(), [number]) == []
    assert_search_can_find(scenario.service, heard, life)


def assert_search_can_find(service: Service, heard: Overheard, life: WholeLife) -> None:
    """Each place shows what does stand there, and each secret is found where it is planted."""
    number, trace = life.number.encode(), TRACE.encode()
    address = life.address.encode()
    codes = [code.encode() for code in service.revealed]
    assert found_in(written_down.on_topics(service), [address]) == [ALL_SALES_ORDER.name]
    assert len(found_in(written_down.on_topics(service), [number])) > 5
    assert found_in(written_down.on_topics(service), [trace])
    assert found_in(written_down.in_store_files(service), [number])
    assert len(found_in(written_down.in_store_records(service), [number])) >= 2
    assert found_in(written_down.in_logs(service), [trace])
    assert found_in(written_down.told_to_anybody(service), [b"giftcert_cvc_reveals_total"])
    assert found_in(written_down.told_to_anybody(service), [b"/certificates/{certificateId}/cvc"])
    assert found_in(heard.codes_told(), codes) == ["cvc"]
    assert found_in(heard.refusals(), [b"invalid_token"])
    for secret in secrets_of(life):
        assert found_in([("planted", b"before" + secret + b"after")], [secret]) == ["planted"]
