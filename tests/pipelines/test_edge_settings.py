"""Settings of the edge: whom it trusts, how it listens, how much a client may ask."""

import pytest
from pydantic import ValidationError

from pipelines.addresses import is_loopback
from pipelines.settings import Settings

OPEN = {"http_host": "0.0.0.0", "advertised_url": "http://giftcert:8080"}


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8080", True),
        ("http://localhost:80", True),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0:8080", False),
        ("http://10.0.0.1", False),
        ("http://[::]", False),
    ],
)
def test_loopback_is_known_by_its_form(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({"token_issuer": "https://issuer.example"}, True),
        ({"token_issuer": "https://issuer.example", **OPEN}, True),
        ({"token_issuer": "http://127.0.0.1:7000"}, True),
        ({"token_issuer": "http://127.0.0.1:7000", **OPEN}, False),
        ({"token_issuer": "http://issuer.example"}, False),
        ({"token_issuer": "http://[::1]:7000", "http_host": "::1"}, True),
        (
            {"token_issuer": "http://127.0.0.1:7000", "advertised_url": "https://edge.example"},
            False,
        ),
        ({"token_issuer": "https://i.example", "token_jwks_url": "http://keys.example"}, False),
        ({"token_issuer": "https://i.example", "token_jwks_url": "https://keys.example"}, True),
        ({"token_jwks_url": "http://localhost:7000/jwks"}, True),
        ({"token_jwks_url": "http://localhost:7000/jwks", **OPEN}, False),
        ({"tls_certificate_location": "edge.pem"}, False),
        ({"tls_key_location": "edge.key"}, False),
        ({"tls_certificate_location": "edge.pem", "tls_key_location": "edge.key"}, True),
        ({"token_algorithms": "RS256"}, True),
        ({"token_algorithms": "RS256,EdDSA,ES512"}, True),
        ({"token_algorithms": "none"}, False),
        ({"token_algorithms": "HS256"}, False),
        ({"token_algorithms": "RS256,HS256"}, False),
        ({"token_algorithms": "RS256,"}, False),
        ({"token_algorithms": "RS999"}, False),
        ({"token_leeway_s": 120}, True),
        ({"token_leeway_s": 121}, False),
        ({"rate_limit": "1/second"}, True),
        ({"rate_limit": "0/second"}, False),
        ({"rate_limit": "10 per minute"}, False),
        ({"rejected_rate_limit": "5/fortnight"}, False),
    ],
)
def test_settings_of_the_edge_are_checked(given: dict[str, object], accepted: bool) -> None:
    if accepted:
        Settings.model_validate(given)
        return
    with pytest.raises(ValidationError):
        Settings.model_validate(given)


def test_edge_with_a_certificate_is_reached_over_https() -> None:
    plain = Settings(http_port=8443)
    files = {"tls_certificate_location": "edge.pem", "tls_key_location": "edge.key"}
    secured = Settings.model_validate({"http_port": 8443, **files})
    assert plain.edge_url() == "http://127.0.0.1:8443"
    assert secured.edge_url() == "https://127.0.0.1:8443"


def test_algorithms_are_told_one_by_one() -> None:
    assert Settings(token_algorithms="RS256,EdDSA").token_algorithm_list() == ["RS256", "EdDSA"]
