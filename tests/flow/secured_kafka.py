"""A real Apache Kafka that asks everybody who they are, and allows what its ACLs say and no more.

Owns the broker with its three secured ways in (SCRAM, client certificates, tokens of a real OAuth2
server), the certificates, and the login of each principal as settings of ours. On the plain way in
everybody is a super user: it is for the tests that set the scene and look at the outcome.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import RSAKey

from pipelines.acls.rights import Principal
from pipelines.local.apache import ApacheCluster, Java
from pipelines.local.apache_settings import Beside
from pipelines.local.broker import say_on_stderr
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.settings import Settings, load_settings
from tests.oauth.authorization_server import (
    AuthorizationServer,
    Resource,
    TlsPair,
    authorization_server,
)

REAUTHENTICATED_S: Final = 10
"""How long Kafka believes a login by password or token, and then asks anew.

The client asks again a tenth of it before the end. Less than half a second would be too late, for
that is how long a fetch holds up what comes behind it on a connection.
"""

STRANGER: Final = "stranger"
_AUDIENCE: Final = "kafka"
_SCOPE: Final = "kafka"
_SASL: Final = "org.apache.kafka.common.security"
_WAYS: Final = {"SCRAM": "SASL_SSL", "MTLS": "SSL", "OAUTH": "SASL_SSL"}


class Way(StrEnum):
    """How one gets in."""

    SCRAM = "SCRAM"
    MTLS = "MTLS"
    OAUTH = "OAUTH"


class Certificates:
    """An authority, and everybody's pair as files in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = trustme.CA(organization_name="Kafka of the tests")
        self.authorities = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.authorities)

    def write(self, name: str, host: str) -> TlsPair:
        """A new pair, and both in one file in the form that Java reads."""
        issued = self._authority.issue_cert(host, common_name=name, organization_name="Tests")
        pair = TlsPair(
            certificate=self._directory / f"{name}.crt", key=self._directory / f"{name}.key"
        )
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        key = load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        pair.certificate.write_bytes(chain)
        pair.key.write_bytes(key)
        (self._directory / f"{name}.pem").write_bytes(key + chain)
        return pair


class SecuredKafka:
    """The running broker, and everybody's keys to it."""

    def __init__(
        self,
        directory: Path,
        certificates: Certificates,
        issuer: AuthorizationServer,
        held: ExitStack,
    ) -> None:
        self._directory = directory
        self._issuer = issuer
        self._ports = {way: HeldPort() for way in Way}
        for port in self._ports.values():
            held.callback(port.release)
        self.authorities = certificates.authorities
        certificates.write("broker", LOOPBACK)
        for principal in (*Principal, STRANGER):
            certificates.write(principal, f"{principal}.example")
            self.password_file(principal).write_text(f"first-word-of-{principal}\n")
            (directory / f"{principal}.secret").write_text(issuer.secret)
        self.cluster = ApacheCluster(
            Java(say_on_stderr), directory / "kafka", beside=self._beside()
        )
        held.callback(self.cluster.stop)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self.set_passwords({who: f"first-word-of-{who}" for who in (*Principal, STRANGER)})

    @property
    def bootstrap(self) -> str:
        """The plain way in."""
        return self.cluster.bootstrap

    def denied(self, within: str, user: str = "User:") -> list[str]:
        """What the authorizer has refused, in its own words: resources with this in their names.

        That of a changelog begins with another word than the prefix. `user`: only to those.
        """
        refused = [
            line[line.index("Principal = ") :]
            for line in self._log().splitlines()
            if " is Denied " in line
        ]
        return [
            each
            for each in refused
            if each.startswith(f"Principal = {user}")
            and within in each.partition("on resource = ")[2].partition(" ")[0]
        ]

    def _log(self) -> str:
        return (self._directory / "kafka/broker-0/server.log").read_text(encoding="utf-8")

    def password_file(self, principal: str) -> Path:
        return self._directory / f"{principal}.password"

    def subject(self, principal: str) -> str:
        """How Kafka calls whoever shows that principal's certificate."""
        pem = (self._directory / f"{principal}.crt").read_bytes()
        subject = x509.load_pem_x509_certificate(pem).subject.rfc4514_string()
        # Java puts a backslash before it wherever it stands.
        return f"User:{subject.replace('#', chr(92) + '#')}"

    def users_file(self) -> Path:
        """For GIFTCERT_ACL_PRINCIPALS_FILE: by name, for passwords and tokens, and by subject."""
        file = self._directory / "principals.json"
        users = {each: [f"User:{each}", self.subject(each)] for each in Principal}
        file.write_text(json.dumps(users))
        return file

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Have Kafka know these from now on, and the ones before no more."""
        changes = [
            UserScramCredentialUpsertion(
                user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), word.encode()
            )
            for user, word in passwords.items()
        ]
        for answer in self.admin.alter_user_scram_credentials(changes).values():
            answer.result()

    def login(self, principal: str, way: Way) -> dict[str, str]:
        """The variables of a process that comes as this principal."""
        at = self._directory
        common = {
            "GIFTCERT_BOOTSTRAP": f"{LOOPBACK}:{self._ports[way].port}",
            "GIFTCERT_SECURITY_PROTOCOL": _WAYS[way],
            "GIFTCERT_SSL_CA_LOCATION": str(self.authorities),
        }
        match way:
            case Way.SCRAM:
                own = {
                    "GIFTCERT_SASL_MECHANISM": "SCRAM-SHA-512",
                    "GIFTCERT_SASL_USERNAME": principal,
                    "GIFTCERT_SASL_PASSWORD_FILE": str(self.password_file(principal)),
                }
            case Way.MTLS:
                own = {
                    "GIFTCERT_SSL_CERTIFICATE_LOCATION": str(at / f"{principal}.crt"),
                    "GIFTCERT_SSL_KEY_LOCATION": str(at / f"{principal}.key"),
                }
            case Way.OAUTH:
                own = {
                    "GIFTCERT_SASL_MECHANISM": "OAUTHBEARER",
                    "GIFTCERT_SASL_TOKEN_URL": f"{self._issuer.secure_url}/token",
                    "GIFTCERT_SASL_CLIENT_ID": principal,
                    "GIFTCERT_SASL_CLIENT_SECRET_FILE": str(at / f"{principal}.secret"),
                    "GIFTCERT_SASL_SCOPE": _SCOPE,
                    "GIFTCERT_SASL_CA_LOCATION": str(self.authorities),
                }
        return common | own

    def settings(self, principal: str, way: Way, **others: object) -> Settings:
        """The same as settings."""
        told = {
            name.removeprefix("GIFTCERT_").lower(): value
            for name, value in self.login(principal, way).items()
        }
        return load_settings(told | others)

    def _beside(self) -> Beside:
        keys = f"{self._issuer.url}/jwks"
        oauth = "listener.name.oauth.oauthbearer.sasl"
        return Beside(
            listeners={way: (self._ports[way].port, _WAYS[way]) for way in Way},
            properties={
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found": "false",
                "super.users": "User:ANONYMOUS",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": self._directory / "broker.pem",
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": self.authorities,
                "listener.name.mtls.ssl.client.auth": "required",
                "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                    f"{_SASL}.scram.ScramLoginModule required;"
                ),
                "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
                f"{oauth}.jaas.config": f"{_SASL}.oauthbearer.OAuthBearerLoginModule required ;",
                f"{oauth}.server.callback.handler.class": (
                    f"{_SASL}.oauthbearer.OAuthBearerValidatorCallbackHandler"
                ),
                f"{oauth}.oauthbearer.jwks.endpoint.url": keys,
                f"{oauth}.oauthbearer.expected.audience": _AUDIENCE,
                f"{oauth}.oauthbearer.expected.issuer": self._issuer.url,
                "connections.max.reauth.ms": REAUTHENTICATED_S * 1_000,
            },
            java_options=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}"],
        )


@contextmanager
def secured_kafka(directory: Path) -> Iterator[SecuredKafka]:
    """The broker and its OAuth2 server for the length of the block.

    AuthorizationServerUnavailable or BrokerUnavailableError: one of the two cannot be had here.
    """
    certificates = Certificates(directory)
    with (
        ExitStack() as held,
        authorization_server(
            directory,
            clients=[*Principal, STRANGER],
            scopes=[_SCOPE],
            resources={"urn:kafka": Resource(audience=_AUDIENCE, algorithm="RS256")},
            default_resource="urn:kafka",
            tls=certificates.write("issuer", LOOPBACK),
        ) as issuer,
    ):
        key = RSAKey.generate_key(parameters={"kid": "kafka", "use": "sig"})
        issuer.start(dict(key.as_dict(private=True)))
        yield SecuredKafka(directory, certificates, issuer, held)
