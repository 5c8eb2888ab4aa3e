"""One rehearsal from its start to its verdict.

Owns the order of things: start the earlier version, let callers call and the prober ask, take the
steps, let all come to rest, and judge: every law of the chaos tests, and how long each partition
was without an answer.
"""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pipelines.local.running_broker import Say
from pipelines.local.stack_options import apply_topics
from pipelines.settings import Settings
from tests.chaos.breaches import Law
from tests.chaos.caller_fleet import CallerFleet
from tests.chaos.fleet import Fleet
from tests.chaos.live_reader import LiveReader
from tests.chaos.options import Options as ChaosOptions
from tests.chaos.options import Scenario as ChaosScenario
from tests.chaos.probes import NotServing, Probes
from tests.chaos.run import Verdict, judge_all
from tests.chaos.stock import load_numbers
from tests.rehearsal.options import LIMIT_S, Options
from tests.rehearsal.outages import Outage, outages
from tests.rehearsal.prober import SCOPES, Kind, Prober, Sample
from tests.rehearsal.rollout import Replacement, Rollout

_WARM_S: Final = 4.0


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """What a rehearsal was, and what it found."""

    options: Options
    verdict: Verdict
    replacements: list[Replacement] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def felt(self, replacement: Replacement) -> list[Outage]:
        """What was felt of one replacement, of each partition and kind."""
        return outages(self.samples, replacement.asked_ns, replacement.settled_ns)


def rehearse(options: Options, *, say: Say) -> Rehearsal:
    """Run it. An OperatorError where it cannot even be begun; breaches are in the verdict."""
    chaos_options = _chaos_options(options)
    rehearsal = Rehearsal(options=options, verdict=Verdict(options=chaos_options))
    began_s = time.monotonic()
    load = partial(_load, numbers=options.scenario.numbers, say=say)
    service = Fleet(chaos_options, say, before_workers=load)
    if options.knows_settings():
        service.environment.update(options.settings)
    with service as fleet:
        rehearsal.verdict.broker = fleet.cluster.why
        _roll_and_judge(options, fleet, rehearsal, say)
    rehearsal.verdict.seconds = time.monotonic() - began_s
    return rehearsal


def _chaos_options(options: Options) -> ChaosOptions:
    """The same run in the words of the chaos tests, whose service and callers these are."""
    scenario = options.scenario
    return ChaosOptions(
        scenario=ChaosScenario(
            meaning=scenario.meaning,
            faults=0,
            brokers=scenario.brokers,
            processors=scenario.processors,
            correlators=scenario.correlators,
            callers=scenario.callers,
            lives_per_s=scenario.lives_per_s,
            numbers=scenario.numbers,
        ),
        name=options.name,
        seed=options.seed,
        source=options.earlier,
        data_dir=options.data_dir,
    )


def _load(settings: Settings, *, numbers: int, say: Say) -> None:
    say(f"loading {load_numbers(settings, numbers):,} numbers")


def _roll_and_judge(options: Options, fleet: Fleet, rehearsal: Rehearsal, say: Say) -> None:
    verdict = rehearsal.verdict
    reader = LiveReader(fleet.settings)
    callers = CallerFleet(verdict.options, fleet)

    def token() -> str:
        return fleet.issuer.tokens.issue("support", scope=SCOPES, now_s=time.time() - 900).text

    interval_s = options.scenario.interval_s
    prober = Prober(token, seed=options.seed, interval_s=interval_s)
    rollout = Rollout(fleet=fleet, prober=prober, options=options, say=say, check=callers.check)
    rehearsal.replacements, rehearsal.samples = rollout.done, prober.samples
    try:
        Probes(fleet).await_whole()
        # What an operator does first: the new version may want topics that the old one lacks.
        apply_topics({**fleet.environment, "PYTHONPATH": str(options.today)})
        say("serving; callers begin")
        load_began_s = time.monotonic()
        callers.start_all()
        rollout.begin()
        prober.start()
        time.sleep(_WARM_S)
        try:
            for step in options.scenario.steps:
                rollout.run(step)
        finally:
            prober.stop()
        say("the customers that have begun come to their end")
        callers.finish()
        verdict.load_s = time.monotonic() - load_began_s
    except NotServing as error:
        verdict.findings.breach(Law.SERVING, str(error))
    finally:
        callers.stop()
    judge_all(fleet, callers, reader, verdict, say)
    judge_outages(rehearsal)


def judge_outages(rehearsal: Rehearsal) -> None:
    """No partition was without an answer for longer than allowed, and each was asked."""
    findings = rehearsal.verdict.findings
    for replacement in rehearsal.replacements:
        if not replacement.settled_ns:
            continue
        felt = rehearsal.felt(replacement)
        findings.looked_at("questions of the prober", sum(each.asked for each in felt))
        findings.looked_at("outages measured", len(felt))
        for each in felt:
            if reason := _too_long(each, rehearsal.options, replacement):
                findings.breach(
                    Law.SERVING,
                    f"{replacement.step.value} of {replacement.worker}: partition "
                    f"{each.partition} {reason}",
                )


def _too_long(outage: Outage, options: Options, replacement: Replacement) -> str:
    if not options.promises(replacement.step):
        return ""
    if (outage.kind is Kind.EXPLAIN) is not replacement.worker.startswith("correlator"):
        return ""
    if outage.refused_s > LIMIT_S:
        return f"refused each {outage.kind.value} for {outage.refused_s:.1f} s"
    if options.limits_silence and outage.silent_s > LIMIT_S:
        return f"answered no {outage.kind.value} for {outage.silent_s:.1f} s"
    return ""
