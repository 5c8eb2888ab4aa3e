"""Support stops a certificate and lets it go; pools run low, run dry and are filled again."""

from http_edge.asking.asking import request_id_of
from state.certificate.commands import Load, Origin
from tests.flow.scenario import Scenario, goods, redemption
from tests.flow.source_messages import Payment


def test_lock_over_http_stops_redemption_and_unlock_lets_it_go_on(scenario: Scenario) -> None:
    """LOCKED with reason and actor; back to the working status; a new payment is taken then."""
    number = scenario.sell()
    scenario.spend(number, 1_000_00)
    locked = scenario.support(number, "lock", "stolen card reported")
    assert (locked.status_code, locked.json()["status"]) == (200, "LOCKED")
    event = scenario.await_story(number, "redeem.partial", "lock")
    assert (event.status, event.fields["reason"]["text"]) == ("LOCKED", "stolen card reported")
    assert event.payload["lock"]["reason"] == "stolen card reported"
    assert event.payload["lifecycle"] == "PARTIALLY_REDEEMED"
    assert scenario.balance(number)["locked"] is True

    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 500_00), redemption(number, order_id, 500_00))
    refused = scenario.await_story(number, "lock", "error")
    assert (refused.status, refused.reason) == ("ERROR", "LOCKED")
    assert scenario.balance(number)["remainingBalance"] == "4000.00"

    unlocked = scenario.support(number, "unlock", "owner found it")
    assert (unlocked.status_code, unlocked.json()["status"]) == (200, "PARTIALLY_REDEEMED")
    assert scenario.await_story(number, "error", "unlock").status == "PARTIALLY_REDEEMED"
    scenario.spend(number, 500_00)
    assert scenario.balance(number)["remainingBalance"] == "3500.00"


def test_refund_onto_a_locked_certificate_lands_and_it_stays_locked(scenario: Scenario) -> None:
    """A lock lets no value out; value may come in."""
    number = scenario.sell()
    order_id = scenario.spend(number, 1_000_00)
    assert scenario.support(number, "lock").status_code == 200
    scenario.tell(
        goods(number, order_id, 1_000_00, status="RETURNED", version=2),
        Payment(
            payment_id="refund",
            order_id=order_id,
            amount_minor=1_000_00,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            number=number,
            operation="REFUND",
            original=f"{order_id}-redeem",
        ),
    )
    landed = scenario.await_story(number, "lock", "refund.pending", "refund")
    assert landed.remaining_minor == 5_000_00
    assert landed.payload["lock"] is not None
    assert scenario.balance(number)["locked"] is True
    assert scenario.support(number, "unlock").json()["status"] == "ACTIVE"


def test_unlock_of_a_certificate_that_is_not_locked_is_refused(scenario: Scenario) -> None:
    """Nothing is published: the caller has its answer."""
    number = scenario.sell()
    answer = scenario.support(number, "unlock")
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (409, "not-locked")
    scenario.settle()
    assert scenario.story(number)[-1] == "activate"


def test_locked_free_number_is_passed_over_by_the_pool(scenario: Scenario) -> None:
    """The next checkout gets the number behind it; unlocked, it is offered again."""
    first, second = scenario.load(2)
    assert scenario.support(first, "lock").status_code == 200
    assert scenario.reserve() == second
    assert scenario.ask_next().status_code == 409
    assert scenario.support(first, "unlock").status_code == 200
    scenario.settle()
    assert scenario.reserve() == first


def test_next_of_an_empty_pool_is_a_conflict_and_an_event_for_operators(
    scenario: Scenario,
) -> None:
    """409 to the channel, ISSUE_BLOCKED on the stream under the pool's name; once a request."""
    asked = scenario.ask_next(channel="POS", key=f"{scenario.tag}-dry")
    assert asked.status_code == 409
    assert asked.headers["content-type"] == "application/problem+json"
    assert asked.json()["type"].endswith("/pool-empty")
    blocked = scenario.await_story(scenario.pool, "issue.blocked")
    assert (blocked.status, blocked.reason) == ("ISSUE_BLOCKED", "POOL_EMPTY")
    assert blocked.fields["channel"] == "POS"
    assert blocked.fields["causationId"] == request_id_of("till", f"{scenario.tag}-dry")
    assert blocked.record.header("channel") == "POS"
    assert scenario.ask_next(channel="POS", key=f"{scenario.tag}-dry").status_code == 409
    scenario.settle()
    assert scenario.story(scenario.pool) == ["issue.blocked"]

    [number] = scenario.load()
    # The same request keeps its answer for ever; a new one gets the new number.
    assert scenario.ask_next(channel="POS", key=f"{scenario.tag}-dry").status_code == 409
    assert scenario.reserve(channel="POS") == number


def test_pool_hands_out_its_numbers_in_the_order_in_which_they_came(scenario: Scenario) -> None:
    """First in, first out, and none twice."""
    numbers = scenario.load(5)
    assert [scenario.reserve() for _ in numbers] == numbers
    assert scenario.ask_next().status_code == 409


def test_pool_below_its_mark_warns_once_until_it_is_refilled(scenario: Scenario) -> None:
    """The mark is 2 here: one alert on the way down, armed again above the mark."""
    scenario.load(3)
    scenario.reserve()
    scenario.settle()
    assert scenario.story(scenario.pool) == []
    scenario.reserve()
    low = scenario.await_story(scenario.pool, "alert")
    assert (low.status, low.reason) == ("ALERT", "POOL_LOW")
    scenario.reserve()
    scenario.load(3)
    scenario.reserve()
    scenario.settle()
    assert scenario.story(scenario.pool) == ["alert"]
    scenario.reserve()
    scenario.await_story(scenario.pool, "alert", "alert")


def test_number_loaded_again_is_refused_and_not_sold_twice(scenario: Scenario) -> None:
    """Whatever file or run it comes from."""
    [number] = scenario.load()
    again = Load(pool=scenario.pool)
    scenario.command(number, again, command_id="another run", origin=Origin.LOADER)
    scenario.settle()
    assert scenario.story(number) == ["load"]
    assert scenario.reserve() == number
    assert scenario.ask_next().status_code == 409
