"""The report says the same in the terminal, as JSON and on the page, and hides what it must."""

import json
from io import StringIO

import pytest
from rich.console import Console

from pipelines.neighbours.bi.amount_text import count_text, decimal_text, money_text, time_text
from pipelines.neighbours.bi.page import page_of
from pipelines.neighbours.bi.presentation import show, summary, to_json
from pipelines.neighbours.bi.report import Report
from pipelines.neighbours.bi.sections import sections
from state.certificate.commands import Lock, Unlock
from tests.neighbours.bi.mart_in_memory import MartUnderTest, filled
from tests.neighbours.bi.told_topics import DAY_MS, NUMBER, OTHER, ToldTopics, sold


def shown(report: Report) -> str:
    out = StringIO()
    show(report, Console(file=out, width=200))
    return out.getvalue()


def story() -> ToldTopics:
    told = sold().redeem(1_234_56).pass_time(DAY_MS).redeem(1_00)
    told.blocked()
    told.add("All_Payments", b"no record")
    headers = (("sourceTopic", b"All_Payments"), ("errorCode", b"UNKNOWN_FRAMING"))
    told.add("GiftCertificates.DLQ", b"no record", headers=headers)
    return told


def test_show_prints_every_figure_and_the_offsets_it_is_of() -> None:
    said = shown(filled(story().records).report())
    for part in (
        "5,000.00",
        "1,235.56",
        "3,764.44",
        "REDEEMED_BY_ORDER",
        "WITHOUT_ORDER",
        "POOL_EMPTY",
        "UNKNOWN_FRAMING",
        "All_Payments UNKNOWN_FRAMING 1",
        "0:8",
    ):
        assert part in said, part
    assert NUMBER not in said
    last = said.splitlines()[-1]
    assert last.startswith("in step at 2026-01-02 12:00:00 UTC; 2 differences, of them 2 under")
    assert "1 open dead letters; mart memory" in last


def test_report_counts_every_event_of_the_stream_by_its_type() -> None:
    """Also those that move no money: somebody was locked out, and let in again."""
    told = sold().pass_time(9 * DAY_MS)
    for action in (Lock(reason="lost"), Unlock(reason="found"), Lock(reason="lost again")):
        told.perform(NUMBER, action)
    counted = {
        row["event_type"]: (row["events"], row["last_7"]) for row in filled_at_end(told).events
    }
    assert counted == {
        "load": (1, 0),
        "reserve": (1, 0),
        "issue": (1, 0),
        "notification.requested": (1, 0),
        "activate": (1, 0),
        "lock": (2, 2),
        "unlock": (1, 1),
    }


def filled_at_end(told: ToldTopics) -> Report:
    """The report at the moment of the last record."""
    return filled(told.records, now_ms=told.now_ms).report()


def test_show_in_a_narrow_terminal_breaks_no_figure() -> None:
    out = StringIO()
    show(filled(story().records).report(), Console(file=out, width=60))
    assert "- currency RUB; pool ELECTRONIC; certificates 1; nominal 5,000.00;" in out.getvalue()


def test_show_of_an_empty_mart_says_that_nothing_is_there() -> None:
    said = shown(MartUnderTest().begin().feed([]).report())
    assert "Money: No certificate was issued yet." in said
    assert "Differences: There is none." in said


def test_show_of_a_mart_that_is_still_filled_says_so() -> None:
    told = sold()
    mart = MartUnderTest().begin()
    mart.feed(told.records, ends={("All_Payments", 0): 41}, caught_up=False)
    assert summary(mart.report()).startswith("still filling, 40 records behind at ")


def test_report_with_full_numbers_shows_them_and_without_their_last_four() -> None:
    told = sold().captured_over_http(700_00)
    mart = filled(told.records, now_ms=told.now_ms + 200 * DAY_MS)
    hidden, whole = mart.report(), mart.report(full_numbers=True)
    assert NUMBER not in shown(hidden)
    assert NUMBER not in json.dumps(to_json(hidden))
    assert "…1234" in shown(hidden)
    assert NUMBER in shown(whole)


def test_report_hides_a_number_that_others_took_for_the_id_of_their_sale() -> None:
    told = sold().redeem(1_00, order_id=NUMBER)
    told.payment(7_00, order_id=OTHER, tender="GIFT_CERTIFICATE", number=NUMBER)
    told.load(OTHER)
    mart = filled(told.records)
    hidden = mart.report()
    assert {row["correlation_key"] for row in hidden.differences} == {"…1234", "…5678"}
    assert {row["order_id"] for row in hidden.differences} == {None, "…5678"}
    for said in (shown(hidden), page_of(hidden), json.dumps(to_json(hidden))):
        assert NUMBER not in said
        assert OTHER not in said
    assert OTHER in shown(mart.report(full_numbers=True))


def test_to_json_has_amounts_as_decimal_text_and_whole_counts() -> None:
    body = json.loads(json.dumps(to_json(filled(story().records).report())))
    assert body["money"] == [
        {
            "currency": "RUB",
            "pool": "ELECTRONIC",
            "certificates": 1,
            "nominal": "5000.00",
            "refunded": "0.00",
            "redeemed": "1235.56",
            "annulled": "0.00",
            "remaining": "3764.44",
            "held": "0.00",
            "unexplained": "0.00",
        }
    ]
    assert [(row["day"], row["opening"], row["closing"]) for row in body["days"]] == [
        ("2026-01-01", "0.00", "3765.44"),
        ("2026-01-02", "3765.44", "3764.44"),
    ]
    assert (body["behind"], body["differenceCount"], body["caughtUp"]) == (0, 2, True)
    assert body["writtenAt"] == "2026-01-02T12:00:00.000Z"


def test_sections_sum_a_currency_over_its_pools_and_mark_what_is_wrong() -> None:
    told = sold().load("GC-0000-9999", "PHYSICAL")
    told.reserve("GC-0000-9999").issue("GC-0000-9999", minor=700_00)
    money = sections(filled(told.records).report(), days_shown=31, differences_shown=5)[0]
    assert [row[1] for row in money.rows] == ["ELECTRONIC", "PHYSICAL", "all"]
    assert [row[2] for row in money.rows] == ["1", "1", "2"]
    assert [row[7] for row in money.rows] == ["5,000.00", "700.00", "5,700.00"]
    assert money.alarming == frozenset()


def test_sections_show_so_many_differences_and_say_how_many_more() -> None:
    told = ToldTopics()
    for place in range(7):
        told.selling_order(order_id=f"sale-{place}", number=f"GC-0000-000{place}")
    report = filled(told.records).report()
    differences = next(
        each
        for each in sections(report, days_shown=31, differences_shown=3)
        if each.anchor == "differences"
    )
    assert len(differences.rows) == 3
    assert differences.note.startswith("7 in all. 4 more are in the export")


def test_sections_show_the_last_days_and_every_month() -> None:
    told = sold()
    for _ in range(40):
        told.pass_time(DAY_MS).redeem(1_00)
    months, days = sections(filled(told.records).report(), days_shown=31, differences_shown=1)[2:4]
    assert [row[0] for row in months.rows] == ["2026-01", "2026-02"]
    assert len(days.rows) == 31
    assert "10 earlier rows are in the export" in days.note


@pytest.mark.parametrize(
    ("minor", "exponent", "people", "programs"),
    [
        (0, 2, "0.00", "0.00"),
        (5, 2, "0.05", "0.05"),
        (-5, 2, "\N{MINUS SIGN}0.05", "-0.05"),
        (123_456_789, 2, "1,234,567.89", "1234567.89"),
        (1_500, 0, "1,500", "1500"),
        (1_500, 3, "1.500", "1.500"),
        (10**18, 4, "100,000,000,000,000.0000", "100000000000000.0000"),
    ],
)
def test_amounts_are_written_with_all_their_digits(
    minor: int, exponent: int, people: str, programs: str
) -> None:
    assert money_text(minor, exponent) == people
    assert decimal_text(minor, exponent) == programs


def test_what_is_not_there_is_written_as_a_dash() -> None:
    assert {count_text(None), time_text(None)} == {"\N{EN DASH}"}
