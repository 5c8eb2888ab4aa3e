"""The tables of the documentation, each made from what the program itself goes by.

Owns the tables and nothing around them: `write_docs` puts them into their pages, `test_docs` holds
the pages to them. Words that no source has (what an event means) stand here, one for each member,
so a new member without words is an error.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

import http_edge
import pipelines
from http_edge.access.callers import SCOPE_MEANINGS
from http_edge.api.call_problems import problems_of
from http_edge.api.calls import API
from http_edge.api.problems import REFUSALS, TECHNICAL
from pipelines.acls.rights import Kind, Principal
from pipelines.contracts.broken import BrokenCode
from pipelines.dlq.letters import Resolved
from pipelines.faults import EXIT_BUG, EXIT_INTERRUPTED, OperatorError
from pipelines.neighbours.bi import settings as bi_settings
from pipelines.neighbours.bi.columns import Relation
from pipelines.neighbours.bi.reconciliation_views import CHECKS, FINDINGS
from pipelines.neighbours.bi.schema import VIEWS
from pipelines.neighbours.bi.tables import TABLES as MART_TABLES
from pipelines.neighbours.crm import settings as crm_settings
from pipelines.neighbours.enrich import settings as enrich_settings
from pipelines.neighbours.shop import settings as shop_settings
from pipelines.settings import Settings
from pipelines.settings_table import settings_table
from pipelines.topics import FOREVER_MS, TOPICS, Topic, wanted_topics
from pipelines.tracing.spans import ATTRIBUTES
from state.certificate.commands import Origin
from state.certificate.rejections import MEANINGS, RejectionCode
from tests.docs_alerts import alert_table, dashboard_table
from tests.docs_capacity import capacity_bytes, capacity_plan, capacity_times
from tests.docs_commands import commands
from tests.docs_contracts import field_table
from tests.docs_decisions import decisions
from tests.docs_events import (
    dlq_headers,
    event_rows,
    http_rows,
    resolution_headers,
    stream_headers,
)
from tests.docs_form import NONE, code, codes, table
from tests.docs_lifecycle import lifecycle_diagram
from tests.docs_metrics import METRIC_TABLES
from tests.docs_rights import principal_rows, right_rows
from tests.state.certificate.test_rules import ROWS
from tests.supply_chain.licences import licences

_HOUR_MS: Final = 60 * 60 * 1000
_DAY_MS: Final = 24 * _HOUR_MS

_HELP: Final = {
    BrokenCode.EMPTY: "discard: none of the topics has a use for a record without a value",
    BrokenCode.UNKNOWN_FRAMING: "the writer uses another format, or a registry that is not set "
    "here. Set it and retry, or have it send again and discard",
    BrokenCode.UNKNOWN_SCHEMA: "deploy the version that knows the schema and retry; or have the "
    "writer use a published one, send again, and discard",
    BrokenCode.UNDECODABLE: "damaged, or written by another schema than it names: have its owner "
    "send it again, and discard",
    BrokenCode.TRAILING_BYTES: "the same",
    BrokenCode.CONTRACT: "wrong key or partition: mend the writer (`partitioner=murmur2_random`) "
    "and retry. Anything else: have its owner send it corrected, and discard; or change the rule, "
    "deploy, and retry",
}
_EXIT_MEANINGS: Final = {
    0: "done",
    1: "the command's own no: an audit with breaches, a load with refused rows, a status that "
    "needs a person, a certificate that there is not, a stack that ended",
    2: "wrong usage, or a setting that is unknown, wrong, or does not fit another",
    3: "Kafka is not reached or says no, or no local broker can be had",
    4: "topics, or rights to them, are missing or not as they must be",
    5: "schemas or their registry: missing, incompatible, not reached",
    6: "no processor answers",
    7: "a worker's own store is damaged or cannot be opened, or its disk is full: the next start "
    "recovers it from the log",
    EXIT_BUG: "a bug of ours; the log has the trace",
    EXIT_INTERRUPTED: "stopped with Ctrl-C",
}


def wire_name(action: type) -> str:
    """The symbol of an action in `Command.avsc`: `RevealCvc` is `REVEAL_CVC`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action.__name__).upper()


def _settings() -> Settings:
    """The defaults, whatever the environment of whoever asks says."""
    return Settings(_env_prefix="NO_SUCH_PREFIX_")


def _duration(retention_ms: int | None) -> str:
    match retention_ms:
        case None:
            return "theirs"
        case _ if retention_ms == FOREVER_MS:
            return "for ever"
        case _ if retention_ms % _DAY_MS == 0:
            return f"{retention_ms // _DAY_MS} days"
        case _:
            return f"{retention_ms // _HOUR_MS} h"


def topics() -> str:
    """The registry of topics."""

    def row(topic: Topic) -> list[str]:
        kept = "theirs" if topic.cleanup == "theirs" else _duration(topic.retention_ms)
        writers = ", ".join(topic.writers)
        return [code(topic.name), topic.key, topic.value, kept, writers, topic.description]

    return table(["topic", "key", "value", "kept", "written by", "what it holds"], map(row, TOPICS))


def broker_topics() -> str:
    """What `giftcert topics apply` makes, by the default settings."""
    names = (
        "cleanup.policy",
        "retention.ms",
        "delete.retention.ms",
        "message.timestamp.type",
        "segment.ms",
    )
    rows = [
        [code(wanted.name), *(wanted.config.get(name, "broker's own") for name in names)]
        for wanted in wanted_topics(_settings())
    ]
    return table(["topic", *(code(name) for name in names)], rows)


def principals() -> str:
    """Who comes to Kafka."""
    return table(["principal", "who it is"], principal_rows())


def rights_to(*kinds: Kind) -> str:
    """Who may do what with resources of these kinds."""
    names = ["topic"] if kinds == (Kind.TOPIC,) else ["what"]
    return table([*names, *Principal], right_rows(_settings(), *kinds))


def stream_header_table() -> str:
    """The headers of GiftCertificates.Stream."""
    return table(["header", "meaning"], [[code(name), text] for name, text in stream_headers()])


def dlq_header_table() -> str:
    """The headers of GiftCertificates.DLQ."""
    return table(["header", "meaning"], [[code(name), text] for name, text in dlq_headers()])


def resolution_header_table() -> str:
    """The headers of a record that resolves a dead letter."""
    rows = [[code(name), text] for name, text in resolution_headers()]
    return table(["header", "meaning"], rows)


def resolutions() -> str:
    """How a dead letter can end."""
    rows = [[code(name), text] for name, text in members_with_comments(Resolved)]
    return table(["`resolution`", "what it means"], rows)


def members_with_comments(members: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Each member of an enumeration and the comment that stands beside it in the source."""
    found = dict(
        re.findall(r'^    (\w+) = "\w+"  # (.+)$', inspect.getsource(members), re.MULTILINE)
    )
    for member in members:
        yield member.name, found[member.name]


def dlq_codes() -> str:
    """Why a record is in the dead letter queue, and what helps."""
    rows = [
        [code(name), text, _HELP[BrokenCode(name)]]
        for name, text in members_with_comments(BrokenCode)
    ]
    return table(["`errorCode`", "what is wrong", "what to do"], rows)


def origins() -> str:
    """Who asks, and where a refusal is told."""
    rows = [[code(name), text] for name, text in members_with_comments(Origin)]
    return table(["origin", "who asks: where a refusal is told"], rows)


def rejections() -> str:
    """Every refusal in order of precedence."""
    refused: dict[RejectionCode, set[str]] = {each: set() for each in RejectionCode}
    for row in ROWS:
        if row.refused is not None:
            refused[row.refused].add(wire_name(type(row.action)))
    refused[RejectionCode.POOL_EMPTY].add("TAKE_NEXT")
    rows = []
    for each in RejectionCode:
        kind = REFUSALS[each]
        whom = codes(refused[each])
        if each is RejectionCode.REQUEST_REUSED:
            whom = "any, when its id was used before"
        rows.append([code(each), MEANINGS[each], str(kind.status), code(kind.name), whom])
    return table(["code", "meaning", "HTTP", "problem type", "commands refused with it"], rows)


def events() -> str:
    """Every event type of the stream."""
    rows = [
        [
            code(each.event),
            each.status,
            ", ".join(each.entries) or NONE,
            codes(each.reasons) if each.reasons is not None else "any rejection's code",
            codes(map(wire_name, each.actions)) if each.actions else each.caused_by,
            each.meaning,
        ]
        for each in event_rows(ROWS)
    ]
    header = ["eventType", "status", "entry: amount", "reason.code", "caused by", "meaning"]
    return table(header, rows)


def trace_attributes() -> str:
    """Everything that a span may say."""
    rows = [f"| `{name.value}` | {meaning} |" for name, meaning in ATTRIBUTES.items()]
    return "\n".join(["| attribute | what it says |", "|---|---|", *rows]) + "\n"


def http_calls() -> str:
    """Every call of the edge."""
    return table(["call", "operation", "scope", "what it does"], http_rows())


def scopes() -> str:
    """What a token may allow, and the calls that need it."""
    rows = [
        [code(scope), text, codes(call.operation for call in API if call.scope is scope)]
        for scope, text in SCOPE_MEANINGS.items()
    ]
    return table(["scope", "what it allows", "calls"], rows)


def technical_problems() -> str:
    """Every problem that is no business "no"."""
    rows = [[code(kind.name), str(kind.status), kind.title, kind.advice] for kind in TECHNICAL]
    return table(["type", "HTTP", "what it means", "what to do"], rows)


def refusals() -> str:
    """Every business "no" that a call may answer with, and those calls."""
    rows = []
    for rejected, kind in REFUSALS.items():
        calls = [call.operation for call in API if kind in problems_of(call)]
        if calls:
            rows.append([code(kind.name), str(kind.status), MEANINGS[rejected], codes(calls)])
    return table(["type", "HTTP", "what it means", "calls"], rows)


def exit_codes() -> str:
    """Every exit code and the faults behind it."""
    faults: dict[int, set[str]] = {number: set() for number in _EXIT_MEANINGS}
    for fault in _subclasses(OperatorError):
        if fault.__module__.startswith("pipelines."):
            faults[fault.exit_code].add(fault.__name__)
    rows = [
        [str(number), meaning, codes(faults[number])] for number, meaning in _EXIT_MEANINGS.items()
    ]
    return table(["exit code", "meaning", "faults in the code"], rows)


def mart_relations(relations: Iterable[Relation]) -> str:
    """Tables or views of the mart, each with its columns."""
    return "\n".join(
        f"#### {each.name}\n\n{each.about}\n\n"
        + table(
            ["column", "type", "meaning"],
            [[code(column.name), column.kind, column.about] for column in each.columns],
        )
        for each in relations
    )


def mart_checks() -> str:
    """What the reconciliation compares."""
    rows = [[code(name), *meaning.split(": ", 1)] for name, meaning in CHECKS.items()]
    return table(["check", "the stream's side", "the other side"], rows)


def mart_findings() -> str:
    """What can be wrong with an item of the reconciliation."""
    return table(["finding", "meaning"], [[code(name), text] for name, text in FINDINGS.items()])


def _subclasses(fault: type[OperatorError]) -> Iterator[type[OperatorError]]:
    for package in (pipelines, http_edge):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting = [fault]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            yield each


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "topics": topics,
    "broker-topics": broker_topics,
    "principals": principals,
    "rights-to-topics": lambda: rights_to(Kind.TOPIC),
    "rights-to-the-rest": lambda: rights_to(Kind.GROUP, Kind.TRANSACTION, Kind.CLUSTER),
    "stream-headers": stream_header_table,
    "dlq-headers": dlq_header_table,
    "dlq-codes": dlq_codes,
    "dlq-resolution-headers": resolution_header_table,
    "dlq-resolutions": resolutions,
    "origins": origins,
    "rejections": rejections,
    "events": events,
    "settings": settings_table,
    "trace-attributes": trace_attributes,
    "licences": licences,
    "http-calls": http_calls,
    "scopes": scopes,
    "problems": technical_problems,
    "refusals": refusals,
    "exit-codes": exit_codes,
    "alerts": alert_table,
    "dashboards": dashboard_table,
    "commands": commands,
    "lifecycle": lifecycle_diagram,
    "decisions": decisions,
    "capacity-bytes": capacity_bytes,
    "capacity-times": capacity_times,
    "capacity-plan": capacity_plan,
    **METRIC_TABLES,
    "bi-settings": lambda: settings_table(
        bi_settings.BiSettings.model_fields, bi_settings.ENV_PREFIX
    ),
    "bi-views": lambda: mart_relations(VIEWS),
    "bi-tables": lambda: mart_relations(MART_TABLES),
    "bi-checks": mart_checks,
    "bi-findings": mart_findings,
    "crm-settings": lambda: settings_table(
        crm_settings.CrmSettings.model_fields, crm_settings.ENV_PREFIX
    ),
    "enrich-settings": lambda: settings_table(
        enrich_settings.EnrichSettings.model_fields, enrich_settings.ENV_PREFIX
    ),
    "shop-settings": lambda: settings_table(
        shop_settings.ShopSettings.model_fields, shop_settings.ENV_PREFIX
    ),
    "fields-SalesOrder": lambda: field_table("SalesOrder"),
    "fields-Payment": lambda: field_table("Payment"),
    "fields-Client": lambda: field_table("Client"),
    "fields-GiftCertificateEvent": lambda: field_table("GiftCertificateEvent"),
    "fields-Command": lambda: field_table("Command"),
}
"""Every generated table by the name that its markers in a page carry."""
