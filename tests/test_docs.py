"""The pages say what the program does: tables, links, paths, commands, settings, and examples.

What is generated is held to its source; what is written by hand is held to the tree and the program
wherever it names a part of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from http_edge.access.callers import Scope
from http_edge.api.calls import API
from http_edge.api.openapi_examples import EXAMPLES
from http_edge.api.problems import REFUSALS, TECHNICAL, TYPE_ROOT
from http_edge.asking.inputs import MAX_BODY_BYTES
from http_edge.serving.guarded_protocol import ARRIVAL_TIMEOUT_S, MAX_CONNECTIONS
from http_edge.serving.guards import BODY_TIMEOUT_S, MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from pipelines import cli
from pipelines.contracts.fields import MAX_ID_LENGTH, MAX_TEXT_LENGTH
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.contracts.schemas import RecordName
from pipelines.local.stack import STOP_TIMEOUT_S
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import LARGEST_KEPT_BYTES, Incoming, Outgoing, StatelessStage
from pipelines.topics import COMMANDS, DLQ, FACTS
from state.certificate.numbers import LONGEST, SHORTEST
from state.certificate.rejections import RejectionCode
from state.certificate.spend_rules import WRONG_TRIES_TO_LOCK
from state.correlation.facts import Policy
from state.correlation.fold import MAX_INTENTIONS
from state.correlation.record import MAX_PAYMENTS
from tests import docs_checks
from tests.docs_contracts import wire_value
from tests.docs_events import Records, no_deadlines
from tests.docs_form import table
from tests.docs_tables import TABLES, members_with_comments
from tests.write_docs import ROOT, pages, table_names, with_tables

PAGES = tuple(pages())
README, README_RU = ROOT / "README.md", ROOT / "README.ru.md"
INTEGRATION = ROOT / "docs" / "integration.md"
HTTP, PROBLEMS = ROOT / "docs" / "http.md", ROOT / "docs" / "problems.md"
SECURITY = ROOT / "docs" / "security.md"
OPERATIONS, FLOW = ROOT / "docs" / "operations.md", ROOT / "docs" / "flow.md"
_PARTITIONS = 1
NUMBER_WORDS = {3: "Three", 5: "Five", 10: "Ten"}
_EXAMPLE = re.compile(
    r"<!-- record: (?P<record>\w+)(?: v(?P<version>\d))? -->\n```json\n(?P<json>.*?)\n```"
    r"|<!-- gives: (?P<gives>[A-Z_, ]+) -->",
    re.DOTALL,
)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_generated_tables_of_a_page_are_what_the_program_says(page: Path) -> None:
    """`make docs` mends it."""
    text = read(page)
    assert with_tables(text, {name: TABLES[name]() for name in table_names(text)}) == text
    assert text.count("<!-- generated: ") == len(table_names(text)), "a marker is written wrongly"


def test_every_generated_table_is_on_one_page() -> None:
    asked = sorted(name for page in PAGES for name in table_names(read(page)))
    assert asked == sorted(TABLES)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_of_a_page_lead_to_a_file_and_a_heading(page: Path) -> None:
    assert list(docs_checks.broken_links(page, read(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    assert list(docs_checks.missing_files(ROOT, page, read(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_settings_and_calls_that_a_page_names_exist(page: Path) -> None:
    text = read(page)
    assert list(docs_checks.unknown_commands(page, text)) == []
    assert list(docs_checks.unknown_options(page, text)) == []
    assert list(docs_checks.unknown_settings(page, text)) == []
    assert list(docs_checks.unknown_calls(page, text)) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    assert list(docs_checks.missing_tests(ROOT, page, read(page))) == []


def test_every_route_of_the_edge_is_on_the_page_of_its_calls() -> None:
    """Also those that the API's table does not have: the process's own, and the listings."""
    text = read(HTTP)
    paths = {route.path.replace(":path}", "}") for route in docs_checks.routes()}
    assert paths >= {call.path for call in API}
    assert {path for path in paths if f"{path}`" not in text} == set()


def test_answers_shown_on_the_page_of_the_calls_are_those_of_the_description() -> None:
    shown = [line for line in read(HTTP).splitlines() if line.startswith('{"')]
    known = {msgspec.json.encode(example.answer).decode() for example in EXAMPLES.values()}
    assert shown
    assert [line for line in shown if line not in known] == []


def test_every_problem_type_is_on_its_page_once() -> None:
    """Refusals that only orders and payments meet are on the page of rejections alone."""
    listed = re.findall(r"^\| `([a-z-]+)` \| \d{3} \|", read(PROBLEMS), re.MULTILINE)
    known = [kind.name for kind in (*TECHNICAL, *REFUSALS.values())]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(known)
    of_calls = {REFUSALS[code].name for call in API for code in call.refusals}
    assert set(listed) == {kind.name for kind in TECHNICAL} | of_calls


def test_every_scope_is_on_the_page_of_security_once() -> None:
    listed = re.findall(r"^\| `([a-z]+:[a-z]+)` \|", read(SECURITY), re.MULTILINE)
    assert sorted(listed) == sorted(Scope)


def test_every_risk_of_the_owasp_list_is_covered_by_tests() -> None:
    rows = re.findall(r"^\| (API\d+) .*$", read(SECURITY), re.MULTILINE)
    assert rows == [f"API{number}" for number in range(1, 11)]
    for row in re.findall(r"^\| API\d+ .*$", read(SECURITY), re.MULTILINE):
        assert len(docs_checks.named_tests(row)) >= 2, row


def test_readme_lists_every_command() -> None:
    rows = [line for line in read(README).splitlines() if line.startswith("| `giftcert ")]
    listed = set(re.findall(r"`giftcert ([a-z]+)", "\n".join(rows)))
    assert listed == {command.name for command in cli.COMMANDS}


def test_russian_readme_has_the_sections_tables_and_links_of_the_english_one() -> None:
    """Words differ; the levels of headings, the first cell's code, and where links lead do not."""
    english, russian = read(README), read(README_RU)
    assert [level for level, _ in docs_checks.headings(russian)] == [
        level for level, _ in docs_checks.headings(english)
    ]
    assert [_rows(section) for section in _sections(russian)] == [
        _rows(section) for section in _sections(english)
    ]
    assert _links(russian) - {"README.md"} == _links(english) - {"README.ru.md"}
    assert _code_in_first_cells(russian) == _code_in_first_cells(english)


def test_russian_start_page_leads_each_reader_to_where_the_english_one_does() -> None:
    english = _readers(ROOT / "docs" / "index.md")
    russian = _readers(ROOT / "docs" / "ru" / "index.md")
    # Cashiers have a page in Russian alone, and what the till does is told to those who build one.
    assert [row for row in russian if row] == [row - {"docs/neighbours/pos.md"} for row in english]


def _readers(page: Path) -> list[set[str]]:
    """Where each row of the table of readers leads, as paths from the root."""
    section = read(page).partition("\n## ")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if "](" in line and line.startswith("|")]
    return [
        {
            (page.parent / target.partition("#")[0]).resolve().relative_to(ROOT).as_posix()
            for target in docs_checks.link_targets(row)
        }
        for row in rows
    ]


def _sections(text: str) -> list[str]:
    return re.split(r"^#+ .+$", text, flags=re.MULTILINE)


def _rows(section: str) -> int:
    return sum(line.startswith("|") for line in section.splitlines())


def _links(text: str) -> set[str]:
    return set(docs_checks.link_targets(text))


def _code_in_first_cells(text: str) -> list[str]:
    return [code for line in text.splitlines() for code in re.findall(r"`([^`]+)`", _first(line))]


def _first(line: str) -> str:
    return line.split("|")[1] if line.startswith("|") else ""


@pytest.mark.parametrize("page", [OPERATIONS, FLOW], ids=named)
def test_list_of_alerts_on_a_page_is_what_the_sources_raise(page: Path) -> None:
    section = read(page).partition("## Alerts\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    listed = [code for row in rows for code in re.findall(r"`([A-Z_]+)`", _first(row))]
    assert sorted(listed) == sorted(alerts_in_sources())


def alerts_in_sources() -> set[str]:
    """The codes of alerts: spelled at the call, named by a rejection, or `<half>_MISSING`."""
    folders = (ROOT / "state", ROOT / "pipelines" / "stages", ROOT / "pipelines" / "audit")
    source = "\n".join(read(path) for folder in folders for path in sorted(folder.rglob("*.py")))
    spelled = re.findall(r'\balert\(\s*"([A-Z_]+)', source)
    spelled += re.findall(r'\b_alert\(\s*f?"([A-Z_]+)', source)
    spelled += re.findall(r'code="(POOL_[A-Z]+)"', source)
    lost = re.findall(r"_lost\(RejectionCode\.([A-Z_]+)", source)
    halves = re.findall(r'return "(ORDER|PAYMENT)"', source)
    spelled += re.findall(r'^ALERT_CODE: Final = "([A-Z_]+)"', source, re.MULTILINE)
    halves += re.findall(r'return "(ORDER|PAYMENT)" if', source)
    return {*spelled, *lost, *(f"{half}_MISSING" for half in halves)}


def examples() -> Iterator[re.Match[str]]:
    return _EXAMPLE.finditer(read(INTEGRATION))


def test_every_example_of_a_record_fits_its_contract() -> None:
    """Every JSON block of the page is one, and each kind of record is shown."""
    shown = [found for found in examples() if found["record"]]
    assert len(shown) == read(INTEGRATION).count("```json")
    for found in shown:
        encode_example(found)
    versions = {f"{found['record']} {found['version'] or ''}".strip() for found in shown}
    assert versions >= {"SalesOrder", "Payment 1", "Payment 2", "Client", "GiftCertificateEvent"}


def encode_example(found: re.Match[str]) -> bytes:
    version = int(found["version"] or 1)
    record = RecordName(found["record"])
    value = wire_value(record, found["json"], version=version)
    return SingleObjectFraming().encode(record, value, version=version)


def test_examples_fed_to_the_service_give_the_commands_written_under_them() -> None:
    """In the order of the page, with the state that grows on the way."""
    correlator = Correlator()
    given: list[str] = []
    checked = 0
    for found in examples():
        if found["gives"]:
            assert given == found["gives"].split(", "), found["gives"]
            given, checked = [], checked + 1
        elif found["record"] != "GiftCertificateEvent":
            given += correlator.tell(RecordName(found["record"]), encode_example(found))
    assert given == []
    assert checked >= 7


class Correlator:
    """Ingest and correlate without a broker."""

    def __init__(self) -> None:
        self._framing = SingleObjectFraming()
        rules = IngestRules(
            policy=Policy(missing_after_ms=86_400_000, forget_after_ms=604_800_000),
            accept_unmarked_payments=True,
        )
        self._ingest: dict[RecordName, StatelessStage] = {
            RecordName.SALES_ORDER: OrdersIngest(self._framing, rules),
            RecordName.PAYMENT: PaymentsIngest(self._framing, rules),
            RecordName.CLIENT: ClientsIngest(self._framing),
        }
        self._correlate = CorrelateStage(self._framing, _PARTITIONS)
        self._records: dict[bytes, Records] = {}

    def tell(self, record: RecordName, value: bytes) -> list[str]:
        """The types of the commands that one record leads to."""
        if record is RecordName.COMMAND:
            return [self._type(value)]
        outputs = self._ingest[record](incoming(b"source", value))
        commands = [output for output in outputs if output.topic is COMMANDS]
        for fact in outputs:
            if fact.topic is FACTS:
                commands += self._fold(fact)
        return [self._type(command.value) for command in commands]

    def _fold(self, fact: Outgoing) -> list[Outgoing]:
        assert fact.key is not None, "a fact has its correlation key"
        records = self._records.setdefault(fact.key, Records())
        return self._correlate(incoming(fact.key, fact.value), records, no_deadlines())

    def _type(self, value: bytes | None) -> str:
        return str(self._framing.decode(RecordName.COMMAND, value)["type"])


def incoming(key: bytes, value: bytes | None) -> Incoming:
    return Incoming(
        topic="source",
        partition=0,
        offset=0,
        key=key,
        value=value,
        headers=(),
        timestamp_ms=1_772_359_209_000,
    )


@pytest.mark.parametrize(
    ("page", "phrase"),
    [
        ("architecture.md", f"at most {MAX_PAYMENTS} payments"),
        ("architecture.md", f"{SHORTEST} to {LONGEST} of `A-Z 0-9 -`"),
        ("contracts.md", f"longer than {MAX_ID_LENGTH} characters"),
        ("contracts.md", f"cut at\n{MAX_TEXT_LENGTH} characters"),
        ("contracts.md", f"more than {LARGEST_DECODED_BYTES // 1024**2} MiB, unread"),
        ("dead-letters.md", f"more than {LARGEST_DECODED_BYTES // 1024**2} MiB is not looked into"),
        ("dead-letters.md", f"more than {MAX_INTENTIONS:,} commands"),
        ("dead-letters.md", f"correlation of more than {LARGEST_KEPT_BYTES // 1024**2} MiB"),
        ("dead-letters.md", f"more than {LARGEST_KEPT_BYTES // 2 // 1024**2} MiB are refused"),
        ("dead-letters.md", f"kept for {(DLQ.retention_ms or 0) // 86_400_000} days"),
        ("flow.md", f"More than {MAX_PAYMENTS} payments"),
        ("flow.md", f"more than {MAX_INTENTIONS:,} commands, or needs more than "),
        ("flow.md", f"more than {LARGEST_KEPT_BYTES // 1024**2} MiB to be remembered"),
        ("flow.md", f"{NUMBER_WORDS[WRONG_TRIES_TO_LOCK]} wrong codes in a row"),
        ("http.md", f"{MAX_BODY_BYTES // 1024} KiB, within {BODY_TIMEOUT_S:.0f} seconds"),
        ("http.md", f"{MAX_HEADER_BYTES // 1024} KiB, {MAX_HEADERS} of them"),
        ("http.md", f"| path and query | {MAX_TARGET_BYTES // 1024} KiB |"),
        ("http.md", f'"title": "{REFUSALS[RejectionCode.POOL_EMPTY].title}"'),
        ("http.md", f"{TYPE_ROOT}pool-empty"),
        ("http.md", f"{NUMBER_WORDS[WRONG_TRIES_TO_LOCK]} wrong codes in a row"),
        ("problems.md", f"`{TYPE_ROOT}`"),
        ("security.md", f"{MAX_CONNECTIONS} connections at a process"),
        ("security.md", f"{ARRIVAL_TIMEOUT_S:.0f} seconds for a head to arrive"),
        ("rejections.md", TYPE_ROOT),
        ("operations.md", f"kept for {(DLQ.retention_ms or 0) // 86_400_000} days"),
        ("operations.md", f"within {NUMBER_WORDS[round(STOP_TIMEOUT_S)].lower()} seconds"),
    ],
)
def test_number_that_a_page_names_is_that_of_the_source(page: str, phrase: str) -> None:
    assert phrase in read(ROOT / "docs" / page)


# Each check is shown to fail.


def test_table_with_a_bar_in_a_cell_escapes_it() -> None:
    assert table(["a", "b"], [["x|y", "z"]]) == "| a | b |\n|---|---|\n| x\\|y | z |\n"


def test_page_with_a_stale_table_is_rewritten_and_the_rest_kept() -> None:
    begin = "<!-- generated: topics; `make docs` rewrites it -->\n"
    page = f"before\n{begin}\nold\n\n<!-- end of topics -->\nafter\n"
    wanted = f"before\n{begin}\nnew\n\n<!-- end of topics -->\nafter\n"
    assert with_tables(page, {"topics": "new\n"}) == wanted
    assert with_tables(wanted, {"topics": "new\n"}) == wanted


def test_enumeration_member_without_a_comment_is_an_error() -> None:
    with pytest.raises(KeyError):
        list(members_with_comments(RecordName))


@pytest.mark.parametrize(
    ("text", "breach"),
    [
        ("[a](docs/gone.md)", "docs/gone.md leads nowhere"),
        ("[a](README.ru.md#gone)", "README.ru.md#gone: no such heading"),
        ("[a](#gone)", "#gone: no such heading"),
        ("see `state/gone.py`", "there is no state/gone.py"),
        ("see `gone.py`", "there is no gone.py"),
        ("run `giftcert fly`", "giftcert has no command fly"),
        ("run `giftcert verify --fast`", "giftcert verify has no option --fast"),
        ("run `giftcert dlq list --fast`", "giftcert dlq list has no option --fast"),
        ("set `GIFTCERT_COLOUR`", "GIFTCERT_COLOUR is no setting"),
        ("curl -X POST http://127.0.0.1:8080/balance", "the edge has no POST /balance"),
        ("curl 'http://127.0.0.1:8080/gone?a=b'", "the edge has no GET /gone"),
        ("`tests/test_docs.py::test_gone`", "there is no tests/test_docs.py::test_gone"),
        ("`tests/gone.py::test_a`", "there is no tests/gone.py::test_a"),
    ],
)
def test_page_with_one_breach_is_told_so(text: str, breach: str) -> None:
    page = ROOT / "README.md"
    found = [
        *docs_checks.broken_links(page, text),
        *docs_checks.missing_files(ROOT, page, text),
        *docs_checks.unknown_commands(page, text),
        *docs_checks.unknown_options(page, text),
        *docs_checks.unknown_settings(page, text),
        *docs_checks.unknown_calls(page, text),
        *docs_checks.missing_tests(ROOT, page, text),
    ]
    assert found == [f"README.md: {breach}"]


def test_example_that_lacks_a_field_of_its_contract_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Client: missing or unknown: clientId$"):
        wire_value(
            RecordName.CLIENT,
            '{"eventId": "1", "eventTime": "2026-03-01T10:00:00Z", "correlationId": null,'
            ' "delivery": null}',
            version=1,
        )
