"""The values that the chart is rendered with in the tests: the files that come with it, and more.

Owns the matrix. What each has to give is for the tests to say.
"""

from typing import Any, Final

from tests.helm.rendered import Variant

_PRINCIPALS: Final = (
    "correlator",
    "processor",
    "auditor",
    "crm",
    "bi",
    "enrich",
    "operator",
)
_NO_SERVICE_OF_ADDRESSES: Final[dict[str, Any]] = {
    "crm": {"settings": {"GIFTCERT_CRM_ADDRESS_URL": ""}}
}
EVERY_PART: Final[dict[str, Any]] = {
    "crm": {
        "enabled": True,
        "settings": {
            "GIFTCERT_CRM_TOKEN_URL": "https://sso.example/token",
            "GIFTCERT_CRM_SMS_URL": "https://sms.example/messages",
            "GIFTCERT_CRM_SMTP_HOST": "mail.example",
            "GIFTCERT_CRM_SMTP_FROM": "Gift certificates <gifts@shop.example>",
            "GIFTCERT_CRM_SMTP_USER": "gifts",
        },
    },
    "bi": {"enabled": True},
    "auditor": {"enabled": True},
    "enrich": {"enabled": True},
    "secrets": {
        "crm": {
            "client": {"existingSecret": "crm"},
            "sms": {"existingSecret": "crm"},
            "smtp": {"existingSecret": "crm"},
            "addresses": {"existingSecret": "crm"},
            "authorities": {"existingSecret": "authorities"},
        },
        "auditorToken": {"existingSecret": "auditor"},
        "traces": {"headers": {"existingSecret": "collector"}},
    },
}
"""Every kind of pod, over one of the files."""

_LOGINS: Final[dict[str, Any]] = {
    "authorities": {"existingSecret": "kafka-ca"},
    "principals": {name: {"existingSecret": f"kafka-{name}"} for name in _PRINCIPALS},
}


def over(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Values over values, as Helm lays them."""
    merged = dict(first)
    for name, value in second.items():
        below = merged.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[name] = over(merged[name], value) if both else value
    return merged


MATRIX: Final[dict[str, Variant]] = {
    "dev": Variant(files=("values-dev.yaml",), values={}),
    "qa": Variant(files=("values-qa.yaml",), values={}),
    "prod": Variant(
        files=("values-prod.yaml",), values={"image": {"digest": f"sha256:{'0' * 64}"}}
    ),
    "every part, file mart, no login": Variant(files=("values-dev.yaml",), values=EVERY_PART),
    "every part, every login by certificate": Variant(
        files=("values-qa.yaml",),
        values=over(
            over(EVERY_PART, _NO_SERVICE_OF_ADDRESSES),
            {
                "kafka": {"securityProtocol": "SSL"},
                "settings": {
                    "GIFTCERT_SCHEMA_REGISTRY_USERNAME": "giftcert",
                    "GIFTCERT_TRACES_URL": "https://traces.example",
                },
                "secrets": {
                    "kafka": _LOGINS,
                    "registry": {
                        "password": {"existingSecret": "registry"},
                        "authorities": {"existingSecret": "registry"},
                    },
                },
            },
        ),
    ),
    "logins by token": Variant(
        files=("values-prod.yaml",),
        values=over(
            over(EVERY_PART, _NO_SERVICE_OF_ADDRESSES),
            {
                "kafka": {
                    "saslMechanism": "OAUTHBEARER",
                    "oauth": {"tokenUrl": "https://sso.example/token", "scope": "kafka"},
                },
                "secrets": {
                    "registry": {"token": {"existingSecret": "registry"}},
                    "kafka": over(_LOGINS, {"oauthAuthorities": {"existingSecret": "sso-ca"}}),
                },
            },
        ),
    ),
    "Strimzi's topics and users": Variant(
        files=("values-qa.yaml",),
        values={
            "jobs": {"topics": {"enabled": False}, "acls": {"enabled": False}},
            "strimzi": {
                "cluster": "events",
                "namespace": "kafka",
                "topics": {"enabled": True},
                "users": {"enabled": True},
            },
            "crm": {"settings": {"GIFTCERT_CRM_GROUP": "our-crm"}},
            "enrich": {"settings": {"GIFTCERT_ENRICH_OUTPUT_TOPIC": "Payments.V2"}},
            "settings": {"GIFTCERT_PROCESSOR_GROUP": "the-processors"},
        },
    ),
    "workers alone, names of our own": Variant(
        files=("values-prod.yaml",),
        values={
            "fullnameOverride": "gc",
            "crm": {"enabled": False},
            "bi": {"enabled": False},
            "auditor": {"enabled": False},
            "keda": {"enabled": False},
            "jobs": {"acls": {"enabled": False}, "topics": {"enabled": False}},
            "serviceAccount": {"create": False, "name": "gifts"},
            "user": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
            "ingress": {"enabled": True, "host": "gifts.example", "tlsSecret": "gifts-tls"},
            "processor": {
                "drainSeconds": 0,
                "placement": {
                    "nodeSelector": {"disk": "fast"},
                    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
                    "affinity": {"nodeAffinity": {}},
                    "priorityClassName": "cashiers",
                },
                "storage": {"className": "fast", "retainWhenScaled": False},
                "settings": {"GIFTCERT_RATE_LIMIT": "60/minute"},
            },
        },
    ),
}
