"""An auditor's figures are what it knows, and its listener answers what monitors and probes ask."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.audit.breaches import Breach, BreachKind
from pipelines.audit.listener import Listener, optional_listener
from pipelines.audit.metrics import METRICS, AuditMetrics, Comparisons, Reading
from pipelines.audit.watch import Watch
from pipelines.faults import SettingsError
from pipelines.local.ports import LOOPBACK
from pipelines.settings import Settings
from pipelines.tls import shown_certificate
from tests.http_edge.authority import TlsFiles
from tests.pipelines.audit.stream_story import NUMBER, OTHER, Story, sold

READY = {"is": True}
ALIVE = {"is": True}


def untold(_breach: Breach) -> None:
    """Stands in for the log."""


def yes() -> bool:
    """Stands in for what a probe asks."""
    return True


def reading() -> Reading:
    watch = Watch({NUMBER: 3, OTHER: 2}.__getitem__, untold)
    stories = [
        sold().redeem(1_000_00).refund(200_00).authorize(50_00),
        Story(key=OTHER, partition=2).load().reserve().issue(100_00).annul().load(),
    ]
    for story in stories:
        for event in story.stream:
            watch.feed(event)
    return Reading(
        findings=watch.findings(),
        lag=7,
        caught_up=True,
        last_event_at_s=1_735_689_600.5,
        events_a_second=12.5,
        comparisons=Comparisons(done=2, failed=1, certificates=40, last_at_s=1_735_689_601.0),
    )


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and the values of its labels, by label."""
    return {
        "/".join([sample.name.removeprefix("giftcert_audit_"), *sample.labels.values()]): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shown(metrics: AuditMetrics) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(metrics)
    return samples(generate_latest(registry).decode())


def test_figures_are_those_of_the_latest_reading() -> None:
    metrics = AuditMetrics()
    metrics.latest = reading()
    found = shown(metrics)
    expected = {
        "events_total": 12.0,
        "events_per_second": 12.5,
        "lag_offsets": 7.0,
        "caught_up": 1.0,
        "last_event_timestamp_seconds": 1_735_689_600.5,
        "breaches_total/LOADED_TWICE/1": 1.0,
        "breaches_total/SEQUENCE_GAP/3": 0.0,
        "certificates_in_breach": 1.0,
        "alerts_awaited": 1.0,
        "money_minor_units/RUB/issued": 5_100_00.0,
        "money_minor_units/RUB/redeemed": 1_000_00.0,
        "money_minor_units/RUB/refunded": 200_00.0,
        "money_minor_units/RUB/annulled": 100_00.0,
        "money_minor_units/RUB/remaining": 4_200_00.0,
        "money_minor_units/RUB/held": 50_00.0,
        "money_minor_units/RUB/unexplained": 0.0,
        "certificates/PARTIALLY_REDEEMED": 1.0,
        "certificates/ANNULLED": 1.0,
        "store_comparisons_total/done": 2.0,
        "store_comparisons_total/failed": 1.0,
        "compared_certificates": 40.0,
        "compared_timestamp_seconds": 1_735_689_601.0,
    }
    assert {name: found.get(name) for name in expected} == expected
    kinds = [name for name in found if name.startswith("breaches_total/")]
    assert len(kinds) == len(BreachKind)


def test_figures_before_anything_was_read_claim_nothing() -> None:
    found = shown(AuditMetrics())
    assert "lag_offsets" not in found
    assert (found["caught_up"], found["events_total"]) == (0.0, 0.0)
    assert not any(found.values())


def test_every_metric_of_the_table_is_shown_under_its_name_and_no_other() -> None:
    registry = CollectorRegistry()
    metrics = AuditMetrics()
    metrics.latest = reading()
    registry.register(metrics)
    text = generate_latest(registry).decode()
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert named == {row.name for row in METRICS}
    assert NUMBER not in text
    assert NUMBER[-4:] not in text


@pytest.fixture
def listener() -> Iterator[Listener]:
    READY["is"] = ALIVE["is"] = True
    with Listener(
        LOOPBACK, 0, AuditMetrics(), alive=lambda: ALIVE["is"], ready=lambda: READY["is"]
    ) as listening:
        yield listening


def asked(listener: Listener, path: str) -> httpx.Response:
    return httpx.get(f"http://{LOOPBACK}:{listener.port}{path}", trust_env=False)


def test_listener_answers_monitors_and_probes_and_nothing_else(listener: Listener) -> None:
    assert samples(asked(listener, "/metrics").text)["caught_up"] == 0.0
    assert asked(listener, "/healthz").status_code == 200
    assert asked(listener, "/readyz").status_code == 200
    READY["is"] = False
    assert asked(listener, "/readyz").status_code == 503
    assert asked(listener, "/healthz").status_code == 200
    assert asked(listener, "/anything").status_code == 404


def test_listener_of_a_loop_that_stands_still_says_so_and_goes_on_answering(
    listener: Listener,
) -> None:
    ALIVE["is"] = False
    answer = asked(listener, "/healthz")
    assert (answer.status_code, answer.text) == (503, "the loop does not turn any more\n")
    assert asked(listener, "/metrics").status_code == 200
    ALIVE["is"] = True
    assert asked(listener, "/healthz").status_code == 200


def test_listener_is_not_kept_from_answering_by_who_says_nothing(listener: Listener) -> None:
    with socket.create_connection((LOOPBACK, listener.port)):
        assert asked(listener, "/healthz").status_code == 200


def test_listener_on_a_port_that_is_taken_says_so(listener: Listener) -> None:
    with pytest.raises(SettingsError, match=f"cannot listen on {LOOPBACK}:{listener.port}"):
        Listener(LOOPBACK, listener.port, AuditMetrics(), alive=yes, ready=yes)


def test_listener_with_a_certificate_speaks_https_only_and_shows_a_changed_one(
    tmp_path: Path,
) -> None:
    first, second = trustme.CA(), trustme.CA()
    files = TlsFiles(tmp_path / "tls").write(first)
    shown = shown_certificate(files.settings())
    with Listener(LOOPBACK, 0, AuditMetrics(), alive=yes, ready=yes, shown=shown) as listening:
        with socket.create_connection((LOOPBACK, listening.port)):
            assert trusting(first, listening).status_code == 200
        with pytest.raises(httpx.TransportError):
            asked(listening, "/healthz")
        files.write(second)
        assert trusting(second, listening).status_code == 200
        with pytest.raises(httpx.TransportError):
            trusting(first, listening)


def trusting(authority: trustme.CA, listener: Listener) -> httpx.Response:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    url = f"https://{LOOPBACK}:{listener.port}/healthz"
    return httpx.get(url, verify=context, trust_env=False)


def test_listener_with_a_file_that_is_no_certificate_says_so(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    told = Settings.model_validate(
        {"tls_certificate_location": wrong, "tls_key_location": wrong, "http_host": LOOPBACK}
    )
    with pytest.raises(SettingsError, match="GIFTCERT_TLS_CERTIFICATE_LOCATION"):
        optional_listener(told, 0, AuditMetrics(), alive=yes, ready=yes)
