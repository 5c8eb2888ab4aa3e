"""Every figure that is declared is shown, and every figure that is shown is declared."""

import httpx

from pipelines.audit.listener import Listener
from pipelines.local.ports import LOOPBACK
from pipelines.metrics import process
from pipelines.neighbours.crm.metrics import METRICS, CrmMetrics
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.crm_fakes import shown_figures
from tests.pipelines.metrics.shown_metrics import differences


def test_listener_shows_each_declared_metric_with_its_type_labels_and_meaning() -> None:
    metrics = CrmMetrics()
    metrics.delivered(NotificationChannel.SMS, 0.2)
    metrics.attempted(NotificationChannel.SMS, "taken")
    metrics.code_read("given")
    metrics.watch_gateway(NotificationChannel.SMS, lambda: True)
    with Listener(LOOPBACK, 0, metrics, alive=lambda: True, ready=lambda: False) as listener:
        url = f"http://{LOOPBACK}:{listener.port}"
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 503
        text = httpx.get(f"{url}/metrics", trust_env=False).text
    rows = (*METRICS, *process.METRICS)
    assert not [*differences(text, rows, absent=frozenset())]


def test_what_never_happened_is_shown_as_nothing_instead_of_not_at_all() -> None:
    figures = shown_figures(CrmMetrics())
    assert figures["failed_total/SMS/OUT_OF_TIME"] == 0
    assert figures["doubtful_sends_total/restart"] == 0
    assert figures["sent_total/EMAIL"] == 0


def test_clock_that_runs_behind_makes_no_negative_time() -> None:
    metrics = CrmMetrics()
    metrics.delivered(NotificationChannel.SMS, -3.0)
    metrics.show(waiting=1, oldest_s=-3.0, caught_up=True)
    figures = shown_figures(metrics)
    assert figures["delivery_seconds_sum/SMS"] == 0
    assert figures["oldest_waiting_seconds"] == 0
