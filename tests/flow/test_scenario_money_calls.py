"""A till and a store spend a certificate over HTTP: authorize, capture, void; the facts confirm."""

from typing import Any

import httpx
import pytest

from state.certificate.commands import ExpireHold, Origin
from tests.flow.scenario import HOUR_MS, Scenario, goods, redemption
from tests.flow.source_messages import Payment


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("type", "")).rpartition("/")[2]


class Till:
    """One sold certificate, its code, and the calls of a client of one channel."""

    def __init__(self, scenario: Scenario, client: str = "till") -> None:
        self.scenario = scenario
        self.number = scenario.sell()
        self.code = str(scenario.ask_cvc(self.number, f"{scenario.tag}-code").json()["cvc"])
        self.client = client
        self._keys = 0

    def post(self, path: str, body: dict[str, Any] | None = None, **options: str) -> httpx.Response:
        self._keys += 1
        key = options.get("key", f"{self.scenario.tag}-{self._keys}")
        return self.scenario.post(
            f"/certificates/{self.number}/{path}",
            body,
            client=options.get("client", self.client),
            key=key,
        )

    def authorize(self, amount: str, **more: Any) -> httpx.Response:
        options = {name: more.pop(name) for name in ("key", "client") if name in more}
        body = {
            "amount": amount,
            "currency": "RUB",
            "orderId": self.scenario.new_order_id(),
            "cvc": self.code,
            **more,
        }
        return self.post("authorizations", body, **options)

    def hold(self, amount: str, **more: Any) -> str:
        answer = self.authorize(amount, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["authorizationId"])

    def money(self) -> tuple[str, str, str]:
        """Remaining, held, available."""
        told = self.scenario.balance(self.number)
        return told["remainingBalance"], told["held"], told["available"]


@pytest.fixture
def till(scenario: Scenario) -> Till:
    return Till(scenario)


def test_authorize_sets_money_aside_and_capture_of_a_part_frees_the_rest(till: Till) -> None:
    answer = till.authorize("100.00")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["amount"], told["held"], told["available"]) == ("100.00", "100.00", "4900.00")
    captured = till.post(f"authorizations/{told['authorizationId']}/capture", {"amount": "60"})
    assert captured.status_code == 200, captured.text
    assert (captured.json()["amount"], captured.json()["status"]) == (
        "60.00",
        "PARTIALLY_REDEEMED",
    )
    assert till.money() == ("4940.00", "0.00", "4940.00")


def test_order_and_payment_of_a_captured_hold_only_confirm_it(till: Till) -> None:
    """The money is taken once, however often and by whomever it is told."""
    order_id = till.scenario.new_order_id()
    hold = till.hold("100.00", orderId=order_id)
    assert till.post(f"authorizations/{hold}/capture").status_code == 200
    paid = redemption(till.number, order_id, 100_00)
    till.scenario.tell(goods(till.number, order_id, 100_00), paid)
    till.scenario.settle()
    assert till.scenario.story(till.number)[-1] == "capture", "confirmed, not redeemed again"
    assert till.scenario.story(till.number).count("redeem.partial") == 1
    assert till.money() == ("4900.00", "0.00", "4900.00")


def test_order_and_payment_that_come_first_spend_the_open_hold(till: Till) -> None:
    order_id = till.scenario.new_order_id()
    hold = till.hold("100.00", orderId=order_id)
    paid = redemption(till.number, order_id, 100_00)
    till.scenario.tell(goods(till.number, order_id, 100_00), paid)
    till.scenario.settle()
    assert till.money() == ("4900.00", "0.00", "4900.00")
    late = till.post(f"authorizations/{hold}/capture")
    assert kind(late) == (409, "authorization-not-open")
    assert till.money() == ("4900.00", "0.00", "4900.00")


def test_several_holds_together_never_exceed_the_balance(till: Till) -> None:
    first, second = till.hold("3000.00"), till.hold("2000.00")
    assert first != second
    assert kind(till.authorize("0.01")) == (402, "insufficient-balance")
    assert till.post(f"authorizations/{first}/void").status_code == 200
    assert till.money() == ("5000.00", "2000.00", "3000.00")
    third = till.hold("3000.00")
    for hold in (second, third):
        assert till.post(f"authorizations/{hold}/capture").status_code == 200
    assert till.money() == ("0.00", "0.00", "0.00")
    assert till.scenario.balance(till.number)["lifecycle"] == "REDEEMED"


def test_accept_partial_takes_what_there_is(till: Till) -> None:
    answer = till.authorize("7000.00", acceptPartial=True)
    assert (answer.status_code, answer.json()["amount"]) == (201, "5000.00")
    assert kind(till.authorize("1.00", acceptPartial=True)) == (402, "insufficient-balance")


def test_hold_expires_and_its_money_can_be_spent_again(till: Till) -> None:
    hold = till.hold("5000.00")
    expiry = ExpireHold(authorization_id=hold)
    till.scenario.command(till.number, expiry, origin=Origin.TIMER, later_ms=HOUR_MS)
    till.scenario.await_story(till.number, "hold.expired")
    assert till.money() == ("5000.00", "0.00", "5000.00")
    assert kind(till.post(f"authorizations/{hold}/capture")) == (409, "authorization-not-open")


def test_fifth_wrong_code_in_a_row_locks_until_support_unlocks(till: Till) -> None:
    right = till.code
    till.code = right[:-1] + str((int(right[-1]) + 1) % 10)
    for _ in range(5):
        assert kind(till.authorize("1.00")) == (403, "wrong-cvc")
    till.code = right
    assert kind(till.authorize("1.00")) == (423, "locked")
    till.scenario.await_story(till.number, "lock", "alert")
    assert till.scenario.support(till.number, "unlock").status_code == 200
    assert till.authorize("1.00").status_code == 201


def test_right_code_between_wrong_ones_begins_the_count_anew(till: Till) -> None:
    right = till.code
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    for code, status in [(wrong, 403)] * 4 + [(right, 201)] + [(wrong, 403)] * 4 + [(right, 201)]:
        till.code = code
        assert till.authorize("1.00").status_code == status


def test_same_key_gets_the_same_answer_and_another_content_is_refused(till: Till) -> None:
    order_id = till.scenario.new_order_id()
    first = till.authorize("10.00", orderId=order_id, key="k-1")
    again = till.authorize("10.00", orderId=order_id, key="k-1")
    assert (first.status_code, first.json()) == (201, again.json())
    assert kind(till.authorize("11.00", orderId=order_id, key="k-1")) == (422, "request-reused")
    hold = first.json()["authorizationId"]
    assert kind(till.post(f"authorizations/{hold}/capture", key="k-1")) == (422, "request-reused")
    captured = till.post(f"authorizations/{hold}/capture", key="k-2")
    assert captured.status_code == 200
    assert till.post(f"authorizations/{hold}/capture", key="k-2").json() == captured.json()
    # Long after the hold is spent, its own request still gets its own answer.
    assert till.authorize("10.00", orderId=order_id, key="k-1").json() == first.json()
    assert till.money() == ("4990.00", "0.00", "4990.00")


def test_corrected_code_needs_a_key_of_its_own(till: Till) -> None:
    right, order_id = till.code, till.scenario.new_order_id()
    till.code = right[:-1] + str((int(right[-1]) + 1) % 10)
    assert kind(till.authorize("1.00", orderId=order_id, key="c-1")) == (403, "wrong-cvc")
    assert kind(till.authorize("1.00", orderId=order_id, key="c-1")) == (403, "wrong-cvc")
    till.code = right
    assert kind(till.authorize("1.00", orderId=order_id, key="c-1")) == (403, "wrong-cvc")
    assert till.authorize("1.00", orderId=order_id, key="c-2").status_code == 201


def test_one_clients_key_is_nothing_to_another_client(till: Till) -> None:
    order_id = till.scenario.new_order_id()
    one = till.authorize("10.00", orderId=order_id, key="shared")
    other = till.authorize("10.00", orderId=order_id, key="shared", client="store")
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["authorizationId"] != other.json()["authorizationId"]


def test_hold_of_another_channel_is_answered_as_if_there_were_none(till: Till) -> None:
    hold = till.hold("10.00")
    for call in ("capture", "void"):
        answer = till.post(f"authorizations/{hold}/{call}", client="store")
        unknown = till.post(f"authorizations/never-{call}/{call}", client="store")
        assert kind(answer) == kind(unknown) == (409, "authorization-not-open")
        assert answer.json() == unknown.json()
    assert till.post(f"authorizations/{hold}/capture").status_code == 200


def test_capture_of_more_than_the_hold_or_in_another_currency_is_refused(till: Till) -> None:
    hold = till.hold("10.00")
    path = f"authorizations/{hold}/capture"
    assert kind(till.post(path, {"amount": "10.01"})) == (409, "hold-exceeded")
    foreign = {"amount": "10.00", "currency": "EUR"}
    assert kind(till.post(path, foreign)) == (409, "currency-mismatch")
    assert kind(till.post(path, {"amount": "10.001"})) == (422, "invalid-request")
    assert till.money() == ("5000.00", "10.00", "4990.00")


def test_refund_of_what_was_captured_over_http_comes_back_onto_the_certificate(till: Till) -> None:
    order_id = till.scenario.new_order_id()
    hold = till.hold("100.00", orderId=order_id)
    assert till.post(f"authorizations/{hold}/capture").status_code == 200
    till.scenario.tell(
        goods(till.number, order_id, 100_00), redemption(till.number, order_id, 100_00)
    )
    till.scenario.settle()
    till.scenario.tell(
        goods(till.number, order_id, 100_00, status="RETURNED", version=2),
        Payment(
            payment_id=f"{order_id}-back",
            order_id=order_id,
            amount_minor=100_00,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            number=till.number,
            operation="REFUND",
        ),
    )
    till.scenario.await_story(till.number, "refund")
    assert till.money() == ("5000.00", "0.00", "5000.00")


def test_read_with_the_position_of_a_change_sees_the_change(till: Till) -> None:
    for _ in range(20):
        answer = till.authorize("1.00")
        position = answer.headers["Giftcert-Position"]
        seen = till.scenario.get(
            f"/certificates/{till.number}/balance",
            client=till.client,
            headers={"Giftcert-Position": position},
        )
        assert seen.json()["held"] == answer.json()["held"]


def test_change_over_http_names_its_client_on_the_stream(till: Till) -> None:
    hold = till.hold("10.00")
    till.post(f"authorizations/{hold}/void")
    till.scenario.settle()
    by = {event.type: event.fields["actor"] for event in till.scenario.events(till.number)}
    assert (by["authorize"], by["void"], by["cvc.revealed"]) == ("till", "till", "crm")
