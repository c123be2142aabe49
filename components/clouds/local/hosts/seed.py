"""The NoCloud seed of a host: what cloud-init reads at its first boot, and the name servers."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import yaml

from components.clouds.local.hosts.tree import Tree

RESOLVED = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved lists the real name servers, when ``/etc/resolv.conf`` names itself."""

SEED = "/var/lib/cloud/seed/nocloud"
ARCHIVES = "usr/local/share/stages/archives"
"""Where the image keeps the names of its archives."""
NETWORKD = Path("/usr/lib/systemd/system/systemd-networkd.service")

VENDOR_DATA = """\
#!/bin/sh
# The image comes without package lists, so that the boot document's "apt-get update" costs nothing.
# After the packages step the archives that it was built from are named, for packages of the app.
cp -a /usr/local/share/stages/archives/. /etc/apt/
"""


def nameservers() -> list[str]:
    """The machine's name servers that a host can reach: not those on the machine's loopback."""
    for file in (Path("/etc/resolv.conf"), RESOLVED):
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        words = [line.split() for line in lines]
        named = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
        reachable = [name for name in named if not _loopback(name)]
        if reachable:
            return reachable
    return []


def _loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return True


def network(tree: Tree, cidr: str, address: str, gateway: str, cloud_init: bool) -> None:
    """Lay down the host's static address and its name servers.

    For cloud-init as a part of the seed, else for systemd-networkd itself, which either of them
    uses and Debian does not start by itself.
    """
    prefix = cidr.split("/")[1]
    if cloud_init:
        config = {
            "match": {"name": "host0"},
            "addresses": [f"{address}/{prefix}"],
            "routes": [{"to": "0.0.0.0/0", "via": gateway}],
        }
        document = {"version": 2, "ethernets": {"host0": config}}
        tree.put(f"{SEED}/network-config", json.dumps(document, indent=1) + "\n", mode=0o600)
    else:
        lines = [
            *("[Match]", "Name=host0"),
            *("[Network]", f"Address={address}/{prefix}", f"Gateway={gateway}", ""),
        ]
        tree.put("/etc/systemd/network/10-host0.network", "\n".join(lines))
    wants = "/etc/systemd/system/multi-user.target.wants"
    tree.link(f"{wants}/{NETWORKD.name}", str(NETWORKD))
    tree.put("/etc/resolv.conf", "".join(f"nameserver {name}\n" for name in nameservers()))


def cloud_init(tree: Tree, instance_id: str, hostname: str, user_data: str) -> None:
    """Lay down the rest of the NoCloud seed."""
    meta_data = json.dumps({"instance-id": instance_id, "local-hostname": hostname})
    tree.put(f"{SEED}/user-data", user_data, mode=0o600)
    tree.put(f"{SEED}/meta-data", meta_data + "\n", mode=0o600)
    tree.put(f"{SEED}/vendor-data", VENDOR_DATA, mode=0o600)
    # No waiting for the metadata addresses of clouds that are not there.
    tree.put("/etc/cloud/cloud.cfg.d/90-stages-local.cfg", "datasource_list: [NoCloud]\n")


def lacking(image: Path, user_data: str) -> set[str]:
    """The packages that a boot document asks for and the image does not have."""
    document = yaml.safe_load(user_data)
    wanted = {str(name) for name in (document or {}).get("packages") or ()}
    status = (image / "var/lib/dpkg/status").read_text() if wanted else ""
    return wanted - set(re.findall(r"^Package: (\S+)$", status, re.MULTILINE))


def archives(tree: Tree, image: Path) -> None:
    """Name the archives that the image was built from before the first boot installs packages."""
    for file in sorted((image / ARCHIVES).rglob("*")):
        if file.is_file():
            tree.put(f"/etc/apt/{file.relative_to(image / ARCHIVES)}", file.read_text())
