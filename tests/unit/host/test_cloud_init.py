"""The boot document: what it holds, what it must never hold, and how large it may be."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from components.errors import UserError
from components.host import base, cloud_init, firewall
from tests.support import composed_hosts
from tests.support.composed_hosts import DEVICE, KEY, SSH_CIDRS, boot_document


def read(document: str) -> dict[str, Any]:
    assert document.startswith("#cloud-config\n")
    loaded = yaml.safe_load(document)
    assert isinstance(loaded, dict)
    return loaded


def written(document: str) -> dict[str, str]:
    files = read(document)["write_files"]
    assert isinstance(files, list)
    return {file["path"]: file["content"] for file in files}


def test_one_user_by_key_alone() -> None:
    document = read(boot_document(volume_device=None, with_postgres=False))
    assert document["users"] == [
        {
            "name": "ops",
            "uid": 60600,
            "gecos": "Operator",
            "groups": ["adm", "systemd-journal"],
            "shell": "/bin/bash",
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "lock_passwd": True,
            "ssh_authorized_keys": [KEY],
        }
    ]
    assert document["disable_root"] is True
    assert document["ssh_pwauth"] is False


def test_it_carries_the_very_files_that_are_converged_later() -> None:
    files = written(boot_document(volume_device=None, with_postgres=False))
    assert files[firewall.PATH] == firewall.ruleset(SSH_CIDRS)
    for file in base.base_files("ops"):
        assert files[file.path] == file.content


def test_without_a_volume_nothing_formats_or_mounts() -> None:
    document = boot_document(volume_device=None, with_postgres=False)
    assert "mkfs" not in document
    assert "data.mount" not in document
    assert "5432" not in document


def test_with_a_volume_it_is_mounted_by_its_own_path() -> None:
    files = written(boot_document(volume_device=DEVICE, with_postgres=True))
    assert f"What={DEVICE}\nWhere=/data\n" in files["/etc/systemd/system/data.mount"]
    assert "systemctl enable --now data.mount" in files[cloud_init.FIRST_BOOT]


def test_it_holds_no_secret_of_the_stages() -> None:
    for host in (composed_hosts.single_server(), composed_hosts.separate_database()):
        assert "PRIVATE KEY" not in host.boot_document
        assert composed_hosts.PASSWORD not in host.boot_document
        assert "example-secret-key" not in host.boot_document


def test_the_host_key_for_the_first_contact_is_put_in_as_it_is() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"
    document = read(boot_document(volume_device=None, with_postgres=False, host_key=key))
    files = {file["path"]: file for file in document["write_files"]}
    assert files["/etc/ssh/first_contact_key"] == {
        "path": "/etc/ssh/first_contact_key",
        "permissions": "0600",
        "content": key,
    }
    assert files["/etc/ssh/sshd_config.d/20-first-contact.conf"]["permissions"] == "0644"
    # The host makes its own as well: cloud-init does only while it is given none.
    assert "ssh_keys" not in document
    assert document["ssh_genkeytypes"] == ["ed25519"]


def test_a_usual_document_leaves_room_for_keys() -> None:
    size = len(boot_document(volume_device=DEVICE, with_postgres=True).encode())
    assert size < cloud_init.MAX_BYTES * 0.7


def test_too_large_a_document_is_refused() -> None:
    keys = tuple(f"{KEY}{number}" for number in range(200))
    with pytest.raises(UserError) as error:
        boot_document(volume_device=DEVICE, with_postgres=True, ssh_keys=keys)
    size = str(error.value).rpartition("got ")[2].partition(".")[0]
    assert int(size) > 16384
    assert str(error.value) == (
        f"The boot document should be at most 16384 bytes, got {size}. Take keys out of"
        " stages:access.ssh_keys or networks out of stages:access.ssh_cidrs: they are what makes"
        " it long."
    )
    boot_document(volume_device=DEVICE, with_postgres=True, ssh_keys=keys[:20])
