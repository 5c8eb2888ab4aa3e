"""What a run tells people and programs of itself: a summary, a page, or JSON.

Owns the words and tables. Counts and times are the run's own; nothing here is measured.
"""

import json
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.chaos.breaches import MEANINGS as LAWS
from tests.chaos.breaches import Law
from tests.chaos.faults import FaultRecord
from tests.chaos.history import History
from tests.chaos.options import MEANINGS, FaultKind
from tests.chaos.run import Verdict

NOT_OF_THE_RUN = "<!-- Below: measured by other means. A run leaves it as it is. -->"
_SECOND_NS = 1_000_000_000
_SHOWN_BREACHES = 40


def summary(verdict: Verdict) -> str:
    """What stands at the end of a run on the terminal."""
    findings, history = verdict.findings, verdict.history
    done = [fault for fault in verdict.faults if not fault.skipped]
    size = f"{len(done)} faults, {history.calls:,} calls, {len(history.operations):,} operations"
    time = f"{len(history.lives):,} customers in {verdict.seconds:.0f} s"
    lines = ["", f"{size}, {time}; seed {verdict.options.seed}"]
    lines += [f"  skipped {fault.kind.value}: {fault.skipped}" for fault in _skipped(verdict)]
    lines += [f"  {count:>9,} {what}" for what, count in sorted(findings.checked.items())]
    if not findings.breaches:
        return "\n".join([*lines, "", "no law was broken"])
    broken = Counter(breach.law for breach in findings.breaches)
    lines += ["", f"BROKEN: {', '.join(f'{law.value} ({n})' for law, n in broken.items())}"]
    lines += [f"  {breach}" for breach in findings.breaches[:_SHOWN_BREACHES]]
    return "\n".join(lines)


def write_report(path: Path, verdict: Verdict) -> None:
    """Write the page, or JSON where the file's name asks for it.

    What other measurements left in the page, behind its mark, stays there.
    """
    if path.suffix == ".json":
        path.write_text(as_json(verdict), encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = "".join(before.partition(NOT_OF_THE_RUN)[1:])
    path.write_text(as_page(verdict) + (f"\n{kept}" if kept else ""), encoding="utf-8")


def as_json(verdict: Verdict) -> str:
    """Everything, for programs."""
    history = verdict.history
    content = {
        "scenario": verdict.options.name,
        "seed": verdict.options.seed,
        "faults": sum(not fault.skipped for fault in verdict.faults),
        "skipped": [f"{fault.kind.value}: {fault.skipped}" for fault in _skipped(verdict)],
        "operations": len(history.operations),
        "calls": history.calls,
        "seconds": round(verdict.seconds, 1),
        "checked": dict(sorted(verdict.findings.checked.items())),
        "breaches": [
            {"law": breach.law.value, "text": breach.text} for breach in verdict.findings.breaches
        ],
        "struck": [_struck(fault) for fault in verdict.faults],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _struck(fault: FaultRecord) -> dict[str, object]:
    return {
        "kind": fault.kind.value,
        "target": fault.target,
        "alone": fault.alone,
        "servingAfterS": _seconds(fault, fault.serving_ns),
        "wholeAfterS": _seconds(fault, fault.whole_ns),
        "note": fault.note,
        "skipped": fault.skipped,
    }


def _seconds(fault: FaultRecord, until_ns: int) -> float | None:
    """How long after it was begun to be mended; None where that was not seen.

    Of what serves again while it is still struck (a broker that is down, a processor that sleeps),
    how long after the strike.
    """
    if not until_ns:
        return None
    since_ns = fault.began_ns if until_ns < fault.mended_ns else fault.mended_ns
    return round((until_ns - since_ns) / _SECOND_NS, 2)


def as_page(verdict: Verdict) -> str:
    """The page for people."""
    done = [fault for fault in verdict.faults if not fault.skipped]
    parts = [
        _TITLE,
        _ABOUT,
        _verdict(verdict, len(done)),
        _table(["what", "value"], _facts(verdict)),
        _breaches(verdict),
        "## Faults, and how long they were felt",
        _ABOUT_FAULTS,
        _table(_FAULT_HEAD, _fault_rows(done)),
        _skipped_text(verdict),
        "## Load",
        _table(["call", "operations", "sent", "ok", "refused", "never told"], _calls(verdict)),
        _ABOUT_CALLS,
        "## What was checked",
        _table(["law", "what it says", "breaches"], _laws(verdict)),
        _table(["looked at", "count"], _checked(verdict)),
        "## Do it again",
        _commands(verdict),
        _ABOUT_SEEDS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_TITLE = "# Reliability: what was done to the service, and what held"
_ABOUT = (
    "This page is written by a run of the chaos tests: the service on real Kafka, under load, "
    "while its parts are killed, stopped, paused and harmed. What the tests are is in "
    "[testing.md](testing.md)."
)
_ABOUT_FAULTS = (
    "*Serving again*: from the moment a worker was started again (of a broker, or a processor that "
    "sleeps: from the strike) until a command about every partition was decided and answered, and "
    "every correlator's partition told what it knows. *Whole again*: from the moment the struck "
    "part was started or could go on, until every worker was ready and every broker had every "
    "record. Seconds, only of faults that came alone: of overlapping ones nobody can say whose "
    "time it was. Asked every 0.1 s, on a machine whose cores brokers, workers and callers share."
)
_ABOUT_CALLS = (
    "*Sent* counts every attempt: a caller that is told nothing repeats with the same key, one in "
    "25 gives up after a quarter of a second, and one in 25 repeats what it was told already. "
    "*Never told*: the caller never learned what became of it; for a read, that attempt was in "
    "vain and another one followed."
)
_ABOUT_SEEDS = (
    "The seed fixes customers, faults, their order and what each does. Which record is under way "
    "when a process dies is the machine's to decide, so no two runs are the same."
)
_FAULT_HEAD = [
    "fault",
    "count",
    "serving again: p50",
    "p99",
    "max",
    "whole again: p50",
    "max",
    "overlapped",
]


def _verdict(verdict: Verdict, faults: int) -> str:
    began = datetime.fromtimestamp(verdict.began_s, UTC)
    broken = verdict.findings.breaches
    held = "**Laws were broken: see below.**" if broken else "No law was broken."
    history = verdict.history
    return (
        f"The run of {began:%Y-%m-%d %H:%M} UTC: **{faults} faults** in "
        f"{verdict.load_s / 60:.0f} minutes of load, {len(history.operations):,} operations of "
        f"{len(history.lives):,} customers. {held}"
    )


def _commands(verdict: Verdict) -> str:
    options = verdict.options
    run = f"--scenario {options.name} --faults {options.scenario.faults} --seed {options.seed}"
    lines = [
        "```console",
        f"$ python -m tests.chaos {run}",
        "$ python -m tests.chaos --help",
        "```",
    ]
    return "\n".join(lines)


def _facts(verdict: Verdict) -> list[list[str]]:
    scenario, history = verdict.options.scenario, verdict.history
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    sent = sum(len(each.attempts) for each in history.operations.values())
    replicas = min(3, scenario.brokers)
    in_sync = max(1, replicas - 1)
    system = f"{platform.system()} {platform.machine()}"
    kafka = verdict.broker.partition(",")[0]
    copies = f"replication {replicas}, min.insync.replicas {in_sync}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("quixstreams", "confluent-kafka"))
    repeats = sent - len(history.operations)
    return [
        ["machine", f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}"],
        ["brokers", f"{scenario.brokers}, {kafka}, {copies}"],
        ["workers", f"{scenario.processors} processors, {scenario.correlators} correlators"],
        ["callers", f"{scenario.callers}, in {history.processes} processes one after another"],
        ["Python", f"{platform.python_version()}, {libraries}"],
        ["seed", f"{verdict.options.seed}"],
        ["calls", f"{history.calls:,}, {repeats:,} of them repeating one with its key"],
        ["ends of workers", _joined(verdict.ends)],
        ["whole run", f"{verdict.seconds / 60:.1f} minutes, start and checks included"],
    ]


def _joined(counts: dict[str, int]) -> str:
    return "; ".join(f"{what}: {count}" for what, count in sorted(counts.items())) or "none"


def _breaches(verdict: Verdict) -> str:
    breaches = verdict.findings.breaches
    if not breaches:
        return ""
    shown = "\n".join(f"- {breach}" for breach in breaches[:_SHOWN_BREACHES])
    return f"## Laws that were broken\n\n{shown}"


def _fault_rows(faults: Sequence[FaultRecord]) -> list[list[str]]:
    by_kind: dict[FaultKind, list[FaultRecord]] = defaultdict(list)
    for fault in faults:
        by_kind[fault.kind].append(fault)
    rows = []
    for kind in FaultKind:
        of_kind = by_kind.get(kind, [])
        if not of_kind:
            continue
        alone = [fault for fault in of_kind if fault.alone]
        serving = _sorted(_seconds(fault, fault.serving_ns) for fault in alone)
        whole = _sorted(_seconds(fault, fault.whole_ns) for fault in alone)
        rows.append(
            [
                MEANINGS[kind],
                f"{len(of_kind)}",
                *_quantiles(serving, (0.5, 0.99, 1.0)),
                *_quantiles(whole, (0.5, 1.0)),
                f"{len(of_kind) - len(alone)}",
            ]
        )
    return rows


def _sorted(seconds: Iterable[float | None]) -> list[float]:
    return sorted(each for each in seconds if each is not None)


def _quantiles(seconds: Sequence[float], shares: Sequence[float]) -> list[str]:
    if not seconds:
        return [""] * len(shares)
    last = len(seconds) - 1
    return [f"{seconds[min(last, round(share * last))]:.1f}" for share in shares]


def _skipped(verdict: Verdict) -> list[FaultRecord]:
    return [fault for fault in verdict.faults if fault.skipped]


def _skipped_text(verdict: Verdict) -> str:
    skipped = Counter(f"{fault.kind.value}: {fault.skipped}" for fault in _skipped(verdict))
    if not skipped:
        return ""
    lines = "\n".join(f"- {count} times {what}" for what, count in skipped.items())
    return f"**Not done here:**\n\n{lines}"


def _calls(verdict: Verdict) -> list[list[str]]:
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    history: History = verdict.history
    for operation in history.operations.values():
        row = rows[operation.operation]
        row["operations"] += 1
        row["sent"] += len(operation.attempts)
        told = "never told" if operation.outcome is None else "ok" if operation.ok else "refused"
        row[told] += 1
    for read in history.reads:
        row = rows[read.asked.operation]
        row["operations"] += 1
        row["sent"] += 1
        row["ok" if read.answer is not None and read.answer.status == 200 else "never told"] += 1
    columns = ("operations", "sent", "ok", "refused", "never told")
    return [
        [f"`{name}`", *(f"{row[each]:,}" for each in columns)] for name, row in sorted(rows.items())
    ]


def _laws(verdict: Verdict) -> list[list[str]]:
    broken = Counter(breach.law for breach in verdict.findings.breaches)
    return [[law.value, LAWS[law], f"{broken[law]}"] for law in Law]


def _checked(verdict: Verdict) -> list[list[str]]:
    return [[what, f"{count:,}"] for what, count in sorted(verdict.findings.checked.items())]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)
