"""The NoCloud seed of a host: what cloud-init reads at its first boot, and the name servers."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

from components.clouds.local import machine

RESOLVED = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved lists the real name servers, when ``/etc/resolv.conf`` names itself."""

NETWORKD = Path("/usr/lib/systemd/system/systemd-networkd.service")

SOURCES = """\
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

VENDOR_DATA = f"""\
#!/bin/sh
# The image comes without package lists, so that the boot document's "apt-get update" costs nothing.
# After the packages step the archives are named, for packages that an app asks for.
cat > /etc/apt/sources.list.d/debian.sources <<'END'
{SOURCES}END
"""


def mac(network: str, address: str) -> str:
    """A locally administered MAC that belongs to the address: a replaced server at the same
    address answers at once instead of after its neighbours' ARP caches have aged."""
    return "02:" + ":".join(
        machine.digest(f"{network} {address}", 10)[i : i + 2] for i in range(0, 10, 2)
    )


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


def network_config(*, network: str, address: str, prefix: int, gateway: str) -> str:
    """Static address, default route and MAC; JSON, which is YAML as well."""
    host0 = {
        "macaddress": mac(network, address),
        "match": {"name": "host0"},
        "addresses": [f"{address}/{prefix}"],
        "routes": [{"to": "0.0.0.0/0", "via": gateway}],
        "dhcp4": False,
        "dhcp6": False,
        "link-local": [],
        "accept-ra": False,
    }
    return json.dumps({"version": 2, "ethernets": {"host0": host0}}, indent=1) + "\n"


def write(
    upper: Path, *, instance_id: str, hostname: str, user_data: str, network_config: str
) -> None:
    """Lay the seed and the name servers into the host's own directory, before its first boot."""
    seed = upper / "var/lib/cloud/seed/nocloud"
    settings = upper / "etc/cloud/cloud.cfg.d"
    for folder in (seed, settings):
        folder.mkdir(parents=True, exist_ok=True)
    seed.chmod(0o700)
    meta_data = json.dumps({"instance-id": instance_id, "local-hostname": hostname})
    machine.write(seed / "user-data", user_data, 0o600)
    machine.write(seed / "meta-data", meta_data + "\n", 0o600)
    machine.write(seed / "vendor-data", VENDOR_DATA, 0o600)
    machine.write(seed / "network-config", network_config, 0o600)
    # No waiting for the metadata addresses of clouds that are not there.
    machine.write(settings / "90-stages-local.cfg", "datasource_list: [NoCloud]\n")
    # cloud-init writes the network for systemd-networkd, which Debian does not start by itself.
    wants = upper / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / NETWORKD.name).symlink_to(NETWORKD)
    resolv = "".join(f"nameserver {name}\n" for name in nameservers())
    machine.write(upper / "etc/resolv.conf", resolv)
