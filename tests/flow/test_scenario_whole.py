"""After all scenarios: what they did together adds up.

The file's name puts it behind them.
"""

from pipelines.audit.run_audit import run_audit
from tests.flow.scenario import Scenario


def test_audit_of_everything_the_scenarios_did_holds(scenario: Scenario) -> None:
    """Every law, over the whole stream and the live stores, broken records and repeats included."""
    scenario.spend(scenario.sell(), 1_000_00)
    scenario.settle()
    service = scenario.service
    report = run_audit(service.settings, service.stack.http_urls, token=service.auditor)
    assert report.breaches == ()
    assert report.holds
    assert report.live is not None
