"""One run from its start to its verdict.

Owns the order of things: start everything, strike, let all come to rest, audit the living service,
end it, and judge what it leaves behind.
"""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pipelines.audit.run_audit import run_audit
from pipelines.faults import OperatorError
from pipelines.local.running_broker import Say
from pipelines.settings import Settings
from tests.chaos.breaches import Findings, Law
from tests.chaos.caller_fleet import CallerFleet
from tests.chaos.evidence import gathered
from tests.chaos.fault_driver import FaultDriver
from tests.chaos.fault_plan import planned_faults
from tests.chaos.faults import FaultRecord, Strikes
from tests.chaos.fleet import Fleet
from tests.chaos.history import History, history_of
from tests.chaos.judgement import Material, judge, judge_evidence
from tests.chaos.law_outputs import Place, keepers, store_path
from tests.chaos.live_reader import LiveReader
from tests.chaos.options import Options
from tests.chaos.probes import NotServing, Probes
from tests.chaos.rest import await_rest
from tests.chaos.stock import load_numbers

_CALM_S: Final = 20.0
_WARM_S: Final = 5.0
_REST_S: Final = 120.0

Advance = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What a run was, and what it found."""

    options: Options
    findings: Findings = field(default_factory=Findings)
    faults: list[FaultRecord] = field(default_factory=list)
    history: History = field(default_factory=History)
    began_s: float = field(default_factory=time.time)
    seconds: float = 0.0
    load_s: float = 0.0
    broker: str = ""
    machine: str = field(default_factory=platform.platform)
    ends: dict[str, int] = field(default_factory=dict)


def run_chaos(options: Options, *, say: Say, advance: Advance) -> Verdict:
    """Run it. An OperatorError where it cannot even be begun; breaches are in the verdict."""
    verdict = Verdict(options=options)
    began_s = time.monotonic()
    # Loaded before there is any worker: the first ones have to begin at the beginning.
    load = partial(_load, numbers=options.scenario.numbers, say=say)
    with Fleet(options, say, before_workers=load) as fleet:
        verdict.broker = fleet.cluster.why
        _load_and_strike(options, fleet, verdict, say, advance)
    verdict.seconds = time.monotonic() - began_s
    return verdict


def _load(settings: Settings, *, numbers: int, say: Say) -> None:
    say(f"loading {load_numbers(settings, numbers):,} numbers")


def _load_and_strike(
    options: Options, fleet: Fleet, verdict: Verdict, say: Say, advance: Advance
) -> None:
    settings, scenario = fleet.settings, options.scenario
    reader = LiveReader(settings)
    probes = Probes(fleet)
    callers = CallerFleet(options, fleet)
    findings = verdict.findings
    try:
        probes.await_whole()
        say("serving; callers begin")
        load_began_s = time.monotonic()
        callers.start_all()
        time.sleep(_WARM_S if scenario.faults else _CALM_S)
        driver = FaultDriver(
            Strikes(
                fleet=fleet,
                callers=callers,
                probes=probes,
                brokers=scenario.brokers,
                processors=scenario.processors,
            ),
            planned_faults(options.seed, scenario.weights, scenario.faults, scenario.overlap),
            advance=advance,
            check=callers.check,
        )
        verdict.faults = driver.records
        driver.run()
        if driver.broken:
            findings.breach(Law.SERVING, driver.broken)
        say("the customers that have begun come to their end")
        callers.finish()
        verdict.load_s = time.monotonic() - load_began_s
    except NotServing as error:
        findings.breach(Law.SERVING, f"before any fault: {error}")
    finally:
        callers.stop()
    judge_all(fleet, callers, reader, verdict, say)


def judge_all(
    fleet: Fleet, callers: CallerFleet, reader: LiveReader, verdict: Verdict, say: Say
) -> None:
    """Let all come to rest, end the service, and hold what it leaves behind to every law."""
    settings, findings = fleet.settings, verdict.findings
    say("waiting until everything is performed")
    if left := await_rest(settings, timeout_s=_REST_S):
        findings.breach(Law.SERVING, left)
    _audit(fleet, findings, say)
    stores = _stores(fleet)
    fleet.end_workers()
    reader.stop()
    say("reading every topic")
    verdict.history = history_of(callers.lines())
    material = Material(
        history=verdict.history,
        evidence=gathered(settings),
        seen=reader.seen,
        stores=stores,
        ends=fleet.ends,
        faults=verdict.faults,
    )
    for end in fleet.ends:
        what = f"{'asked to end' if end.asked else 'by itself'}, exit code {end.code}"
        verdict.ends[what] = verdict.ends.get(what, 0) + 1
    judge(material, findings, say)
    judge_evidence(findings)


def _audit(fleet: Fleet, findings: Findings, say: Say) -> None:
    say("auditing the stream and the live stores")
    try:
        report = run_audit(fleet.settings, token=lambda: fleet.token("auditor"))
    except OperatorError as error:
        findings.breach(Law.AUDIT, f"the audit could not be done: {error}")
        return
    findings.looked_at("certificates audited", report.certificates)
    if report.live is not None:
        findings.looked_at("certificates compared live", report.live.certificates)
    for breach in report.breaches:
        findings.breach(Law.AUDIT, str(breach))


def _stores(fleet: Fleet) -> dict[Place, Path]:
    """Where each store is now."""
    posts, settings = fleet.posts, fleet.settings
    return {
        place: store_path(posts[worker].worker.plan.state_dir, settings, place)
        for place, worker in keepers(settings).items()
    }
