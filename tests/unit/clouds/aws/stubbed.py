"""AWS with answers put in beforehand: botocore's stubber checks the shape of both sides."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]

from components.clouds.aws.account import api


class Stubbed:
    """Clients of some services; what was not put in is an error, and so is what is left over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *services: str) -> None:
        self.clients = {
            service: boto3.client(
                service,
                region_name="eu-central-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            for service in services
        }
        self.stubs = {service: Stubber(client) for service, client in self.clients.items()}
        self.regions: list[str] = []
        self.asked: list[str] = []
        """Operations by their names, also those that no answer was put in for."""
        for client in self.clients.values():
            client.meta.events.register("provide-client-params.*.*", self._note)
        for stub in self.stubs.values():
            stub.activate()
        monkeypatch.setattr(api, "client", self.client)

    def client(self, service: str, region: str) -> Any:
        self.regions.append(region)
        return self.clients[service]

    def _note(self, model: Any, **_: Any) -> None:
        self.asked.append(model.name)

    def answer(self, service: str, operation: str, answer: dict[str, Any], **asked: Any) -> None:
        """Put an answer in; ``asked`` are the arguments it must be asked with, all of them."""
        self.stubs[service].add_response(operation, answer, asked or None)

    def error(self, service: str, operation: str, code: str, message: str = "no") -> None:
        self.stubs[service].add_client_error(operation, code, message)

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
