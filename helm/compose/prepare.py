"""Makes what the stack of compose.yaml needs and no file may hold: keys, certificates, a realm.

Runs once, in the image of the service, into two volumes: `secrets` for our processes, `realm` for
Keycloak. What is there already stays. For a laptop: everybody in the stack may read all of it.
"""

import datetime as dt
import ipaddress
import json
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipelines.local.development_clients import CLIENTS, SCOPES, clients_file
from pipelines.local.local_keys import kept_client_secrets, kept_cvc_keys

REALM = "giftcert"
AUDIENCE = "gift-certificates"
SERVED = {
    "edge": ("processor", "correlator", "localhost"),
    "keycloak": ("keycloak", "localhost"),
    "mail": ("mailpit", "localhost"),
}
_YEAR = dt.timedelta(days=365)


def prepare(secrets: Path, realm: Path) -> None:
    """Make all of it, and let the other containers read it."""
    kept_cvc_keys(secrets / "cvc-keys.json")
    names = [client.client_id for client in CLIENTS]
    clients = kept_client_secrets(secrets / "client-secrets.json", names)
    known = json.loads(clients.read_text(encoding="ascii"))
    for name, secret in known.items():
        (secrets / f"{name}-secret").write_text(secret, encoding="ascii")
    listed = json.dumps(clients_file(), indent=2)
    (secrets / "clients.json").write_text(listed, encoding="ascii")
    (secrets / "addresses").write_text("laptop=somebody@example.org en\n", encoding="ascii")
    if not (secrets / "ca.crt").exists():
        _certificates(secrets)
    for name in ("keycloak.crt", "keycloak.key"):
        (realm / name).write_bytes((secrets / name).read_bytes())
    told = json.dumps(realm_of(known), indent=2)
    (realm / f"{REALM}-realm.json").write_text(told, encoding="ascii")
    for path in (*secrets.iterdir(), *realm.iterdir()):
        path.chmod(0o644)


def realm_of(secrets: dict[str, str]) -> dict[str, Any]:
    """The realm as Keycloak imports it: our clients, and for each the scopes it may ask for."""
    audience = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": AUDIENCE, "access.token.claim": "true"},
    }
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "all",
        "accessTokenLifespan": 900,
        "clientScopes": [
            {
                "name": scope,
                "protocol": "openid-connect",
                "attributes": {"include.in.token.scope": "true"},
            }
            for scope in SCOPES
        ],
        "clients": [
            {
                "clientId": client.client_id,
                "secret": secrets[client.client_id],
                "protocol": "openid-connect",
                "publicClient": False,
                "serviceAccountsEnabled": True,
                "standardFlowEnabled": False,
                "directAccessGrantsEnabled": False,
                "defaultClientScopes": list(client.scopes),
                "optionalClientScopes": [],
                "protocolMappers": [audience],
            }
            for client in CLIENTS
        ],
    }


def _certificates(place: Path) -> None:
    """An authority of this stack, and a certificate for everybody who speaks TLS."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gift certificates, laptop")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    known = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    own = (
        _begun(authority, authority_key.public_key(), authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(known, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    signer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)
    for name, hosts in SERVED.items():
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        alternatives = [*(x509.DNSName(host) for host in hosts), loopback]
        certificate = (
            _begun(subject, key.public_key(), authority)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(signer, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        (place / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (place / f"{name}.key").write_bytes(_text_of(key))
    (place / "ca.crt").write_bytes(own.public_bytes(serialization.Encoding.PEM))


def _begun(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _YEAR)
    )


def _text_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
