"""What channels, the CRM and support ask of the service in a scenario.

Owns the calls over HTTP, each as the client whose it is; see `edge_callers`. Knows no record.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from tests.flow.service_under_test import Service


class ScenarioCalls:
    """Calls to the first edge of the service, about one pool and its certificates."""

    def __init__(self, service: Service, *, pool: str) -> None:
        self.service = service
        self.pool = pool
        self.http = service.edges[0]

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        client: str,
        key: str,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """POST as one client, under a key; without a body where there is none."""
        told = {**(headers or {}), "Idempotency-Key": key}
        auth = self.service.acting_as(client)
        return self.http.post(path, json=body, headers=told, auth=auth)

    def get(
        self, path: str, *, client: str, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """GET as one client."""
        return self.http.get(path, headers=headers, auth=self.service.acting_as(client))

    def ask_next(
        self,
        *,
        order_id: str | None = None,
        channel: str = "ONLINE_STORE",
        key: str | None = None,
        trace: str | None = None,
    ) -> httpx.Response:
        """POST /certificates/next for this scenario's pool, as the client of that channel."""
        body = {"pool": self.pool, "channel": channel}
        if order_id is not None:
            body["orderId"] = order_id
        headers = {} if key is None else {"Idempotency-Key": key}
        if trace is not None:
            headers["traceparent"] = trace
        return self.http.post("/certificates/next", json=body, headers=headers)

    def reserve(self, *, order_id: str | None = None, channel: str = "ONLINE_STORE") -> str:
        """Reserve the next number of the pool."""
        answer = self.ask_next(order_id=order_id, channel=channel)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["certificateId"])

    def support(self, number: str, action: str, reason: str = "checked") -> httpx.Response:
        """POST lock or unlock."""
        return self.http.post(f"/certificates/{number}/actions/{action}", json={"reason": reason})

    def certificate(self, number: str) -> dict[str, Any]:
        """GET one certificate."""
        answer = self.http.get(f"/certificates/{number}")
        assert answer.status_code == 200, answer.text
        return dict(json.loads(answer.text))

    def balance(self, number: str) -> dict[str, Any]:
        """GET its balance."""
        answer = self.http.get(f"/certificates/{number}/balance")
        assert answer.status_code == 200, answer.text
        return dict(json.loads(answer.text))

    def ask_cvc(self, number: str, request_id: str) -> httpx.Response:
        """GET the one-time code."""
        answer = self.http.get(f"/certificates/{number}/cvc", params={"requestId": request_id})
        if answer.status_code == 200:
            self.service.revealed.add(str(answer.json()["cvc"]))
        return answer
