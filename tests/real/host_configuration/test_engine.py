"""The host configuration under the real engine: what it shows, keeps secret and replaces."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent

from components.clouds.local.hosts import inventory
from components.host.model import (
    AppService,
    DatabaseStep,
    HostFile,
    ReadinessCheck,
    Release,
    Shutdown,
)
from components.resources.host_configuration import HostConfiguration, HostConfigurationArgs
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import ServerAnswer
from scripts.lib import pins, pulumi_cli
from tests.real.app_host import (
    ENVIRONMENT_FILE,
    NGINX_FILE,
    SECRET_FILE,
    SQL,
    AppHost,
    Product,
    parts,
    running,
)
from tests.support.ranges import free_cidr

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[3]
LAUNCHER = f'#!/bin/sh\nexec {sys.executable} -u -m pulumi.dynamic "$@"\n'


@dataclass
class Wish:
    """What the program declares; a test changes it between two runs."""

    host: AppHost
    release: Release
    pool: int = 10
    names: tuple[str, ...] = ("token",)
    attachment: str = "attachment-1"
    shutdown: Shutdown = field(default_factory=Shutdown)

    def program(self) -> None:
        secrets = GeneratedSecrets("secrets", self.names)

        def files(token: str) -> list[HostFile]:
            text = f"COLOUR=green\nTOKEN={token}\n"
            return [
                HostFile(path=ENVIRONMENT_FILE, content=text, mode="0600"),
                HostFile(path=SECRET_FILE, content=token, mode="0640", group="app"),
            ]

        known = pulumi.Output.from_input
        made = HostConfiguration(
            "app",
            HostConfigurationArgs(
                cloud="local",
                server=ServerAnswer(
                    id=known(inventory.id_of(self.host.host)),
                    attachment_id=known(self.attachment),
                    private_address=known(self.host.address),
                    ssh_host=known(self.host.address),
                    ssh_host_key=known(self.host.host_key),
                    delete_before_replace=True,
                ),
                size="local-1gb",
                login="ops",
                private_key=pulumi.Output.secret(self.host.private_key),
                parts=parts(pool=self.pool),
                secret_files=secrets.value("token").apply(files),
                database=DatabaseStep(run_as="postgres"),
                database_secrets={"sql": SQL},
                release=self.release,
                app=AppService(
                    web_units=("web@8001.service", "web@8002.service"),
                    worker_units=("worker.service",),
                    worker_settle_s=1,
                    web_urls=("http://127.0.0.1:8001/", "http://127.0.0.1:8002/"),
                ),
                readiness=ReadinessCheck(urls=("http://127.0.0.1/",), timeout_s=10),
                shutdown=self.shutdown,
            ),
        )
        pulumi.export("revision", made.revision)
        pulumi.export("token", secrets.value("token"))


@dataclass
class Stack:
    """One stack of the wish, and everything that its runs said."""

    stack: automation.Stack
    wish: Wish
    said: str = ""
    shown: list[str] = field(default_factory=list)

    def run(self, operation: str, **options: Any) -> Any:
        self.said, self.shown = "", []
        do = getattr(self.stack, operation)
        try:
            return do(on_output=self._hear, on_event=self._see, **options)
        except automation.CommandError as error:
            self.said += str(error)
            raise

    def changes(self) -> dict[str, int]:
        return {str(op): n for op, n in self.run("preview").change_summary.items()}

    def _hear(self, line: str) -> None:
        self.said += line + "\n"

    def _see(self, event: EngineEvent) -> None:
        if event.diagnostic_event and event.diagnostic_event.ephemeral:
            self.shown.append(event.diagnostic_event.message.strip())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    cidr = free_cidr()
    folder = tmp_path_factory.mktemp("engine")
    (folder / "product").mkdir()
    product = Product(folder / "product")
    with running(folder, f"hostcfg-{cidr.split('.')[2]}", cidr) as host:
        commit = product.commit()
        wish = Wish(host, Release(repository=str(product.folder), commit=commit))
        yield Stack(_stack(folder, wish), wish)


def _stack(folder: Path, wish: Wish) -> automation.Stack:
    version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
    launcher = folder / "bin" / "pulumi-resource-pulumi-python"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    cli = pulumi_cli.find(version, ROOT)
    (folder / "state").mkdir()
    environment = {
        "PATH": f"{launcher.parent}:{cli}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of the test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    return automation.create_stack(
        "test",
        project_name="stages",
        program=wish.program,
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(folder),
            env_vars=environment,
            pulumi_command=automation.PulumiCommand(str(cli.parent)),
            project_settings=automation.ProjectSettings("stages", "python"),
        ),
    )


def test_up_shows_its_steps_keeps_secrets_and_a_second_one_changes_nothing(stack: Stack) -> None:
    result = stack.run("up")
    assert result.outputs["revision"].value == stack.wish.release.commit
    address = stack.wish.host.address
    assert f"{address}: restart web@8001.service" in stack.shown
    assert f"{address}: readiness check" in stack.shown
    assert f"{address}: {NGINX_FILE}: written" in stack.shown
    token = result.outputs["token"].value
    assert len(token) == 43
    state = next((Path(stack.stack.workspace.work_dir) / "state").rglob("test.json")).read_text()
    for secret in (token, "PRIVATE KEY", "CREATE ROLE"):
        assert secret not in state
        assert secret not in stack.said
    assert token in json.dumps(stack.stack.export_stack().deployment)
    assert stack.changes() == {"same": 3}
    assert "TOKEN=" + token in stack.wish.host.sh(f"cat {ENVIRONMENT_FILE}")


def test_a_changed_setting_is_shown_as_a_change_of_its_file(stack: Stack) -> None:
    stack.run("up")
    stack.wish.pool = 7
    stack.run("preview", diff=True)
    assert "default_pool_size = 7" in stack.said
    assert "settings.ini" in stack.said
    assert "client_id" not in stack.said
    result = stack.run("up")
    assert result.summary.resource_changes == {"same": 2, "update": 1}


def test_a_refresh_shows_drift_file_by_file_and_up_mends_it(stack: Stack) -> None:
    stack.run("up")
    host = stack.wish.host
    host.sh(f"echo '# by hand' >> {NGINX_FILE}; systemctl stop worker")
    stack.run("refresh")
    state = (stack.stack.export_stack().deployment or {})["resources"]
    drift = next(
        resource["outputs"]["drift"]
        for resource in state
        if "HostConfiguration" in resource["type"]
    )
    assert drift == {NGINX_FILE: "has another content", "worker.service": "is inactive"}
    stack.run("preview", diff=True)
    assert f"({NGINX_FILE} has another content on the host)" in stack.said
    assert stack.changes() == {"same": 2, "update": 1}
    stack.run("up")
    assert "# by hand" not in host.sh(f"cat {NGINX_FILE}")
    assert stack.changes() == {"same": 3}
    stack.run("refresh")
    assert stack.changes() == {"same": 3}


def test_a_new_secret_leaves_the_others_as_they_are(stack: Stack) -> None:
    before = stack.run("up").outputs["token"].value
    stack.wish.names = ("another", "token")
    result = stack.run("up")
    assert result.outputs["token"].value == before
    assert result.summary.resource_changes == {"same": 2, "update": 1}
    stack.wish.names = ("token",)
    assert stack.run("up").outputs["token"].value == before


def test_an_error_is_one_line_with_host_file_and_cause_and_no_traceback(stack: Stack) -> None:
    stack.run("up")
    good, stack.wish.release = (
        stack.wish.release,
        Release(
            repository=stack.wish.release.repository,
            commit=stack.wish.release.commit,
            build="echo not this way; exit 7",
        ),
    )
    try:
        with pytest.raises(automation.CommandError):
            stack.run("up")
    finally:
        stack.wish.release = good
    assert "the build failed (exit code 7)" in stack.said
    assert "Traceback" not in stack.said
    assert stack.changes() == {"same": 3}


def test_another_attachment_replaces_it_after_the_shutdown(stack: Stack) -> None:
    stack.run("up")
    stack.wish.attachment = "attachment-2"
    before = stack.wish.host.invocations()
    result = stack.run("up")
    assert result.summary.resource_changes == {"same": 2, "replace": 1}
    after = stack.wish.host.invocations()
    assert {name for name in after if after[name] != before[name]} == {
        "web@8001",
        "web@8002",
        "worker",
    }


def test_force_stop_is_heard_by_a_destroy_without_an_up_before(stack: Stack) -> None:
    stack.wish.shutdown = Shutdown(commands=("umount /nowhere",), timeout_s=5)
    stack.run("up")
    with pytest.raises(automation.CommandError):
        stack.run("destroy")
    assert "`umount /nowhere` failed" in stack.said
    assert "`pulumi config set stages:host.force_stop true` (" in stack.said
    stack.stack.set_config("stages:host.force_stop", automation.ConfigValue("true"))
    try:
        stack.run("destroy", run_program=True, exclude_protected=True)
    finally:
        stack.stack.remove_config("stages:host.force_stop")
    assert "no shutdown, stages:host.force_stop is set" in stack.said
