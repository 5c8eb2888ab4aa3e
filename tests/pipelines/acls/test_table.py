"""The table of rights follows from the registry and the settings, and gives nobody too much."""

from pipelines.acls.rights import Kind, Operation, Principal, Resource
from pipelines.acls.table import NO_NAMES, WRITERS, Names, protected, rights
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings, load_settings
from pipelines.topics import OURS, Role, topic_name, wanted_changelogs


def table(settings: Settings | None = None) -> set[tuple[Principal, Operation, str]]:
    """Who may do what with what, one by one."""
    settings = settings or load_settings()
    names = Names.of(settings, CrmSettings(), EnrichSettings())
    return {
        (right.principal, operation, str(right.resource))
        for right in rights(settings, names)
        for operation in right.operations
    }


def test_every_writer_of_the_registry_is_a_principal() -> None:
    assert {writer for topic in OURS for writer in topic.writers} == WRITERS.keys()


def test_writing_to_a_topic_of_ours_is_for_its_writers_and_the_operator() -> None:
    wrote = {
        topic.name: {
            who
            for who, what, name in table()
            if what is Operation.WRITE and name == f"topic {topic.name}"
        }
        for topic in OURS
    }
    by_hand = {"Facts", "Commands", "Pool", "Index"}
    assert wrote == {
        topic.name: {WRITERS[writer] for writer in topic.writers}
        | ({Principal.OPERATOR} if topic.name.partition(".")[2] in by_hand else set())
        for topic in OURS
    }


def test_stream_is_written_by_the_processor_alone() -> None:
    assert {
        who
        for who, what, name in table()
        if what is Operation.WRITE and name == "topic GiftCertificates.Stream"
    } == {Principal.PROCESSOR}


def test_acls_and_deleting_are_for_the_operator_alone() -> None:
    strong = {Operation.ALTER, Operation.DELETE, Operation.ALTER_CONFIGS, Operation.ALL}
    assert {who for who, what, _ in table() if what in strong} == {Principal.OPERATOR}


def test_every_name_follows_the_prefix_of_the_topics() -> None:
    settings = load_settings({"topic_prefix": "b-"})
    names = {name.partition(" ")[2] for _, _, name in table(settings) if name != "the cluster"}
    assert all("b-" in name for name in names), sorted(names)
    assert {name for _, _, name in table(settings)}.isdisjoint(
        {name for _, _, name in table() if name != "the cluster"}
    )


def test_groups_of_other_names_are_those_of_the_settings() -> None:
    settings = load_settings({"processor_group": "tills", "correlator_group": "orders"})
    assert (Principal.PROCESSOR, Operation.READ, "group tills") in table(settings)
    assert (Principal.CORRELATOR, Operation.WRITE, "transactional id orders-*") in table(settings)


def test_table_without_other_names_leaves_out_what_follows_from_them() -> None:
    known = {str(right.resource) for right in rights(load_settings(), NO_NAMES)}
    assert "group giftcert-processor" in known
    assert not any("Enriched" in name or name == "group giftcert-crm" for name in known)


def test_no_row_has_an_operation_that_another_of_it_implies() -> None:
    settings = load_settings()
    for right in rights(settings, Names.of(settings, CrmSettings(), EnrichSettings())):
        if right.operations & {Operation.READ, Operation.WRITE}:
            assert Operation.DESCRIBE not in right.operations, right


def test_protected_are_all_topics_of_ours_their_changelogs_and_both_groups() -> None:
    settings = load_settings()
    found = protected(settings)
    for topic in OURS:
        assert Resource(kind=Kind.TOPIC, name=topic_name(topic, settings)) in found
    for role in Role:
        for changelog in wanted_changelogs(role, settings):
            assert Resource(kind=Kind.TOPIC, name=changelog.name) in found
    assert {each.name for each in found if each.kind is Kind.GROUP} == {
        "giftcert-correlator",
        "giftcert-processor",
    }
