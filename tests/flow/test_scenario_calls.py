"""The rest of the API on the running service: scanned cards, support, finding and telling."""

from tests.flow.scenario import Scenario, purchase
from tests.flow.source_messages import Payment


def test_scanned_card_is_reserved_over_http_and_sold(scenario: Scenario) -> None:
    first, second = scenario.load(2)
    order_id = scenario.new_order_id()
    answer = scenario.post(
        f"/certificates/{second}/actions/reserve",
        {"orderId": order_id},
        client="till",
        key=f"{scenario.tag}-scan",
    )
    assert (answer.status_code, answer.json()["certificateId"]) == (201, second)
    taken = scenario.post(
        f"/certificates/{second}/actions/reserve", {}, client="store", key=f"{scenario.tag}-late"
    )
    assert taken.status_code == 409
    scenario.tell(
        purchase(second, order_id, channel="POS"),
        Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=5_000_00),
    )
    scenario.await_story(second, "issue", "notification.requested", "activate")
    assert scenario.reserve() == first, "the pool has forgotten the card that was scanned"
    assert scenario.ask_next().status_code == 409


def test_annulled_over_http_is_ended_with_its_money(scenario: Scenario) -> None:
    number = scenario.sell()
    answer = scenario.support(number, "annul", "printed twice")
    assert (answer.status_code, answer.json()["remainingBalance"]) == (200, "0.00")
    event = scenario.await_story(number, "annul")
    assert event.fields["actor"] == "support"
    assert event.fields["reason"]["text"] == "printed twice"
    again = scenario.support(number, "annul", "once more")
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "annulled")


def test_notify_over_http_grants_one_more_reveal_and_the_old_code_dies(scenario: Scenario) -> None:
    number = scenario.sell()
    old = scenario.ask_cvc(number, f"{scenario.tag}-1").json()["cvc"]
    assert scenario.ask_cvc(number, f"{scenario.tag}-2").status_code == 409
    assert scenario.support(number, "notify", "message never came").status_code == 200
    new = scenario.ask_cvc(number, f"{scenario.tag}-3").json()["cvc"]
    assert scenario.ask_cvc(number, f"{scenario.tag}-4").status_code == 409

    def authorized(code: str, key: str) -> int:
        body = {"amount": "1.00", "currency": "RUB", "orderId": key, "cvc": code}
        path = f"/certificates/{number}/authorizations"
        return scenario.post(path, body, client="till", key=key).status_code

    assert old != new
    assert authorized(old, f"{scenario.tag}-old") == 403
    assert authorized(new, f"{scenario.tag}-new") == 201


def test_certificates_are_found_by_everything_they_are_related_to(scenario: Scenario) -> None:
    scenario.load(2)
    order_id = scenario.new_order_id()
    keys = [f"{scenario.tag}-{index}" for index in range(2)]
    numbers = [
        scenario.ask_next(order_id=order_id, key=key).json()["certificateId"] for key in keys
    ]
    scenario.settle()

    def found(client: str = "support", **query: str | int) -> list[str]:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        items, cursor = [], ""
        while True:
            answer = scenario.get(f"/certificates?{text}&cursor={cursor}", client=client)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += [item["certificateId"] for item in page["items"]]
            if page["next"] is None:
                return items
            cursor = page["next"]

    assert found(orderId=order_id) == numbers
    assert found(orderId=order_id, limit=1) == numbers
    assert found(orderId="of-nobody") == []
    number = scenario.sell()
    scenario.settle()
    snapshot = scenario.certificate(number)
    assert found(last4=number[-4:]).count(number) == 1
    assert found(clientId=snapshot["clientId"]) == [number]
    assert found(correlationId=snapshot["orderId"]) == [number]


def test_history_over_http_is_what_the_stream_told(scenario: Scenario) -> None:
    number = scenario.sell()
    scenario.spend(number, 100_00)
    scenario.settle()
    answer = scenario.get(f"/certificates/{number}/history", client="support")
    assert answer.status_code == 200, answer.text
    lines = answer.json()["items"]
    assert [line["eventType"] for line in lines] == scenario.story(number)
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["entry"] == {
        "kind": "REDEEM",
        "amount": "-100.00",
        "remainingBalance": "4900.00",
        "held": "0.00",
    }
    before = lines[-1]["occurredAt"].replace("Z", "+00:00").replace("+", "%2B")
    then = scenario.get(f"/certificates/{number}/history?asOf={before}", client="support").json()
    assert then["certificate"]["remainingBalance"] == "4900.00"
    long_ago = scenario.get(
        f"/certificates/{number}/history?asOf=2001-01-01T00:00:00Z", client="support"
    )
    assert long_ago.status_code == 404


def test_pools_over_http_tell_how_many_numbers_are_free(scenario: Scenario) -> None:
    scenario.load_many(3)
    scenario.reserve()
    scenario.settle()
    items = scenario.get("/pools", client="support").json()["items"]
    [own] = [item for item in items if item["pool"] == scenario.pool]
    assert (own["level"], own["low"]) == (2, False)
