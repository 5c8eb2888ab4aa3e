"""The chart's generated parts are as the program is now, and Strimzi's variants say the same."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.acls.rights import Kind
from pipelines.acls.table import Names, rights
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings
from pipelines.topics import wanted_topics
from tests.helm.chart_files import CHART, GENERATED_FILES, with_places, with_settings
from tests.helm.rendered import Helm, Variant, all_of, one
from tests.helm.variants import MATRIX

_FILES = {"user.crt", "user.key"}
AGAIN = "write it anew: python -m tests.helm.write_chart"


@pytest.mark.parametrize("name", GENERATED_FILES)
def test_file_of_the_chart_is_what_the_program_says(name: str) -> None:
    assert (CHART / name).read_text(encoding="utf-8") == GENERATED_FILES[name](), AGAIN


def test_schema_of_the_values_knows_every_setting_as_it_is_now() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert schema == with_settings(schema), AGAIN


def test_schema_takes_no_value_that_it_does_not_know_and_knows_every_value_of_the_chart() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    _same_keys(schema, schema, values, "")


def _same_keys(schema: Any, form: Any, value: Any, place: str) -> None:
    """Every key of an object of values is a property of its form, and every property a key."""
    if "$ref" in form:
        if form["$ref"].endswith("Settings"):
            return
        form = schema["$defs"][form["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict) or "properties" not in form:
        return
    assert form["additionalProperties"] is False, place
    missing = set(form["properties"]) ^ set(value)
    assert missing <= {"global", "ephemeral-storage"}, (place, missing)
    for name, each in value.items():
        _same_keys(schema, form["properties"][name], each, f"{place}.{name}")


def test_topics_of_strimzi_are_those_that_the_program_makes(helm: Helm) -> None:
    objects = helm.objects(MATRIX["Strimzi's topics and users"])
    settings = Settings(
        topic_prefix="qa-",
        processor_group="the-processors",
        replication_factor=3,
        min_insync_replicas=2,
    )
    wanted = {
        each.name: (each.partitions, each.replication_factor, dict(each.config))
        for each in wanted_topics(settings)
        if not each.is_source
    }
    told = {
        each["spec"]["topicName"]: (
            each["spec"]["partitions"],
            each["spec"]["replicas"],
            each["spec"]["config"],
        )
        for each in all_of(objects, "KafkaTopic")
    }
    assert told == wanted
    for each in all_of(objects, "KafkaTopic"):
        assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert each["metadata"]["labels"]["strimzi.io/cluster"] == "events"


def test_rights_of_strimzi_are_those_that_the_program_gives(helm: Helm) -> None:
    objects = helm.objects(MATRIX["Strimzi's topics and users"])
    settings = Settings(topic_prefix="qa-", processor_group="the-processors")
    names = Names.of(
        settings, CrmSettings(group="our-crm"), EnrichSettings(output_topic="Payments.V2")
    )
    kinds = {Kind.TRANSACTION: "transactionalId"}
    wanted: dict[str, list[Any]] = {}
    for right in rights(settings, names):
        resource = right.resource
        place: dict[str, Any] = {"type": kinds.get(resource.kind, resource.kind.value)}
        if resource.kind is not Kind.CLUSTER:
            pattern = "prefix" if resource.prefixed else "literal"
            place |= {"name": resource.name, "patternType": pattern}
        row = {
            "resource": place,
            "operations": sorted(each.value for each in right.operations),
            "host": "*",
        }
        wanted.setdefault(right.principal.value, []).append(row)
    told = {
        each["metadata"]["name"].removeprefix("qa-"): sorted(
            each["spec"]["authorization"]["acls"], key=str
        )
        for each in all_of(objects, "KafkaUser")
    }
    assert told == {name: sorted(rows, key=str) for name, rows in wanted.items()}


def test_principals_file_of_the_rights_job_names_everybody_as_kafka_does(helm: Helm) -> None:
    values = {
        "secrets": {"kafka": {"principals": {"till": {"aclPrincipal": "User:CN=till,O=shop"}}}}
    }
    objects = helm.objects(Variant(files=("values-qa.yaml",), values=values))
    told = json.loads(one(objects, "ConfigMap", "-principals")["data"]["principals.json"])
    assert told["processor"] == ["User:qa-processor"]
    assert told["till"] == ["User:CN=till,O=shop"]


def test_readme_of_the_chart_says_where_every_other_setting_comes_from() -> None:
    page = (CHART / "README.md").read_text(encoding="utf-8")
    assert page == with_places(page), AGAIN


@pytest.mark.parametrize("page", [CHART / "README.md", CHART.parents[1] / "docs" / "deploy.md"])
def test_every_value_that_a_page_names_is_one_of_the_chart(page: Path) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:--set )?([a-zA-Z]+(?:\.[a-zA-Z*]+)+)", text)) - _FILES
    known = [name for name in named if name.split(".")[0] in {*values, "*"}]
    assert len(known) > 10, "the pages name values"
    for name in known:
        assert _is_value(values, name.split(".")), f"{page.name}: there is no value {name}"


def _is_value(values: Any, words: list[str]) -> bool:
    if not words or not isinstance(values, dict):
        return not words
    if words[0] == "*":
        return any(_is_value(each, words[1:]) for each in values.values())
    if words[0].startswith("GIFTCERT_"):
        return len(words) == 1
    return words[0] in values and _is_value(values[words[0]], words[1:])


def test_readme_of_the_chart_lists_every_value_once() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    page = (CHART / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-zA-Z]+)` \|", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(values)
