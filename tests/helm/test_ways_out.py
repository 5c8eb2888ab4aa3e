"""Where pods may go: the ports of the addresses they are told of, unless values name others."""

from typing import Any

import pytest

from tests.helm.rendered import Helm, Variant, all_of
from tests.helm.variants import over

REGISTRY = "GIFTCERT_SCHEMA_REGISTRY_URL"
ISSUER = "GIFTCERT_TOKEN_ISSUER"
TRACES = "GIFTCERT_TRACES_URL"
UNUSED: dict[str, Any] = {
    "networkPolicy": {
        "kafka": {"ports": [9093]},
        "messages": {"ports": [25]},
    },
    "settings": {
        ISSUER: "https://sso.example:1001/realms/shop",
        REGISTRY: "https://registry.example:1002",
        TRACES: "https://traces.example:1003/v1/traces",
    },
}
"""Addresses of ports that nothing else has: 1001 issuer, 1002 registry, 1003 traces."""

CASES: list[tuple[str, str, dict[str, Any], list[int]]] = [
    ("ports of the addresses", "processor", {}, [1001, 1002, 1003]),
    ("none of an issuer that is not asked", "auditor", {}, [1002, 1003]),
    ("hooks too", "jobs", {}, [1002, 1003]),
    (
        "https has one of its own",
        "processor",
        {"settings": {ISSUER: "https://sso.example/realms/shop", REGISTRY: "", TRACES: ""}},
        [443],
    ),
    (
        "and http",
        "auditor",
        {"settings": {REGISTRY: "http://registry.shop.svc", TRACES: "http://[fd00::1]/v1/traces"}},
        [80],
    ),
    (
        "address of IP version 6, and a path with a colon",
        "auditor",
        {"settings": {REGISTRY: "http://[fd00::1]:8085/a:7", TRACES: "https://traces.example/a:7"}},
        [443, 8085],
    ),
    (
        "keys from somewhere else",
        "correlator",
        {"settings": {"GIFTCERT_TOKEN_JWKS_URL": "https://keys.example:1004/"}},
        [1001, 1002, 1003, 1004],
    ),
    (
        "address of one part alone",
        "processor",
        {"processor": {"settings": {TRACES: "https://traces.example:1005/v1/traces"}}},
        [1001, 1002, 1005],
    ),
    (
        "the CRM's own way to tokens",
        "crm",
        {"crm": {"settings": {"GIFTCERT_CRM_TOKEN_URL": "https://sso.example:1006/token"}}},
        [25, 1002, 1003, 1006],
    ),
    (
        "Kafka's issuer",
        "auditor",
        {
            "kafka": {
                "saslMechanism": "OAUTHBEARER",
                "oauth": {"tokenUrl": "https://sso.example:1007/token"},
            }
        },
        [1002, 1003, 1007],
    ),
    (
        "Kafka at a port that is not usual",
        "auditor",
        {"kafka": {"bootstrap": "b-1.kafka.example:1008,[fd00::1]:1009"}},
        [1002, 1003, 1008, 1009],
    ),
    (
        "ports that are named win",
        "processor",
        {
            "networkPolicy": {
                "issuer": {"ports": [8443]},
                "registry": {"ports": [8085]},
                "traces": {"ports": [4318, 4317]},
            }
        },
        [4317, 4318, 8085, 8443],
    ),
]


@pytest.mark.parametrize(
    ("part", "values", "ports"),
    [pytest.param(part, values, ports, id=name) for name, part, values, ports in CASES],
)
def test_pod_may_go_to_the_ports_of_the_addresses_it_is_told_of_and_no_other(
    helm: Helm, part: str, values: dict[str, Any], ports: list[int]
) -> None:
    variant = Variant(files=("values-prod.yaml",), values=over(UNUSED, values))
    name = f"gifts-gift-certificates-{part}"
    (policy,) = [
        each
        for each in all_of(helm.objects(variant), "NetworkPolicy")
        if each["metadata"]["name"] == name
    ]
    ways = policy["spec"]["egress"]
    assert all(way["ports"] for way in ways), "no ports would be all of them"
    # Names, Kafka, the mart and the pods of the release are another test's.
    known = {53, 5353, 5432, 8080, 9093}
    assert sorted({port["port"] for way in ways for port in way["ports"]} - known) == ports


def test_names_are_asked_where_values_say_and_at_the_ports_of_those_pods(helm: Helm) -> None:
    """Most networks look at the port of the pod, and that is not 53 everywhere."""
    peer = {"ipBlock": {"cidr": "169.254.20.10/32"}}
    cases: list[tuple[dict[str, Any], object, set[int]]] = [
        ({}, None, {53, 5353}),
        ({"networkPolicy": {"dns": {"peers": [peer], "ports": [53]}}}, [peer], {53}),
    ]
    for values, peers, ports in cases:
        objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
        for policy in all_of(objects, "NetworkPolicy"):
            way = policy["spec"]["egress"][0]
            for protocol in ("UDP", "TCP"):
                told = {port["port"] for port in way["ports"] if port["protocol"] == protocol}
                assert told == ports
            if peers is None:
                assert "kube-system" in str(way["to"])
                assert "openshift-dns" in str(way["to"])
            else:
                assert way["to"] == peers
