"""A report says the same to a person and to a program: figures, verdicts, and every breach."""

import json
from io import StringIO

from rich.console import Console

from pipelines.audit.breaches import Breach, BreachKind
from pipelines.audit.figures import MoneyFigures, StockFigures
from pipelines.audit.presentation import BREACHES_SHOWN, show
from pipelines.audit.report import AuditReport, LiveFigures

MONEY = MoneyFigures(
    currency="RUB",
    pool="ELECTRONIC",
    certificates=2,
    nominal_minor=5_000_00,
    redeemed_minor=1_234_56,
    remaining_minor=3_765_44,
)


def report(
    breaches: tuple[Breach, ...] = (),
    counts: dict[BreachKind, int] | None = None,
    money: MoneyFigures = MONEY,
) -> AuditReport:
    return AuditReport(
        events=1_234,
        certificates=3,
        money=(money,),
        stock=(StockFigures(pool="ELECTRONIC", loaded=3, available=1, sold=2),),
        breaches=breaches,
        breach_counts=counts or {},
        live=LiveFigures(processors=1, partitions=6, certificates=3),
        seconds=1.23456,
    )


def breach(offset: int) -> Breach:
    return Breach(
        kind=BreachKind.LEDGER_DISAGREES, last4="1234", partition=3, offset=offset, text="[1] off"
    )


def shown(audited: AuditReport) -> str:
    out = StringIO()
    show(audited, Console(file=out, width=160))
    return out.getvalue()


def test_show_of_a_clean_audit_prints_figures_and_that_every_law_holds() -> None:
    said = shown(report())
    assert "1,234.56" not in said, "amounts are decimal text of the contract"
    assert "1234.56" in said
    assert "3765.44" in said
    assert "unexplained" not in said
    assert said.count("holds:") == 3
    assert said.splitlines()[-1] == (
        "laws hold: 1,234 events of 3 certificates; 3 records in 6 partitions of 1 live processor "
        "compared; 1.2 s"
    )


def test_show_of_a_broken_law_names_every_breach_and_the_money_that_is_unexplained() -> None:
    created = MoneyFigures(currency="RUB", pool=None, certificates=1, remaining_minor=1)
    said = shown(report((breach(7),), {BreachKind.LEDGER_DISAGREES: 1}, created))
    assert "law 2 LEDGER_DISAGREES …1234 at partition 3 offset 7: [1] off" in said
    assert "law 2 BROKEN 1 time:" in said
    assert "0.01" in said
    assert "unexplained" in said
    assert said.splitlines()[-1].startswith("1 breach: ")


def test_show_of_very_many_breaches_names_the_first_and_counts_the_rest() -> None:
    many = tuple(breach(offset) for offset in range(BREACHES_SHOWN + 10))
    said = shown(report(many, {BreachKind.LEDGER_DISAGREES: 2_000}))
    assert said.count("law 2 LEDGER_DISAGREES") == BREACHES_SHOWN
    assert f"and {2_000 - BREACHES_SHOWN:,} more; in all: LEDGER_DISAGREES 2,000" in said


def test_to_json_has_verdict_figures_and_breaches() -> None:
    body = json.loads(json.dumps(report((breach(7),), {BreachKind.LEDGER_DISAGREES: 1}).to_json()))
    assert (body["laws"], body["broken"]) == ("broken", {"1": 0, "2": 1, "3": 0})
    assert body["money"][0]["redeemed"] == "1234.56"
    assert body["money"][0]["unexplained"] == "0.00"
    assert body["breaches"] == [
        {
            "law": 2,
            "kind": "LEDGER_DISAGREES",
            "last4": "1234",
            "partition": 3,
            "offset": 7,
            "text": "[1] off",
        }
    ]
    assert report().to_json()["laws"] == "hold"
