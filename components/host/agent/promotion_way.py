"""The way between the two servers of a promotion: an SSH tunnel from the stage 2 server to stage 1.

It is a unit that systemd starts again, on the stage 2 server, whose key may forward ports on the
stage 1 server and nothing else. One of its ends is PostgreSQL of stage 1, for the new database,
which dials it; the other is the new database, for PgBouncer of stage 1. Each server's firewall has
a rule of its own for it, in a unit that puts it back when the firewall is loaded again.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from pathlib import Path
from typing import Any

from components.host.agent import pace, promotion_record, units
from components.host.agent.promotion_sql import TUNNEL_PORT
from components.host.agent.report import Failed, run, step

FOLDER = Path("/etc/stages-promotion")
KEY, KNOWN = FOLDER / "key", FOLDER / "known_hosts"
KEYS, SSHD = FOLDER / "authorized_keys", Path("/etc/ssh/sshd_config.d/60-stages-promotion.conf")
SSHD_TEXT = f"""\
# Until the promotion ends: the tunnel's key, beside those of the two usual files.
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 {KEYS}
"""
PASSWORD, CA = FOLDER / "password", FOLDER / "ca.pem"
SUBSCRIBER_PORT = 6543
"""On the stage 2 server's own address: PostgreSQL of stage 1, for the new database."""
SOCKET = "/run/postgresql/.s.PGSQL.5432"
UNITS = Path("/etc/systemd/system")
TUNNEL, DOOR = "stages-promotion-tunnel.service", "stages-promotion-door.service"
UP_S = 30
HOST_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]+")
PERMITTED = re.compile(r"restrict,port-forwarding,\S+ ssh-ed25519 [A-Za-z0-9+/=]+( [\w.@-]+)?\n")
"""One key with its limits. It comes from the other server: a second line would have none."""

DOOR_UNIT = """\
[Unit]
Description=A promotion's rule in the firewall
After=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft {rule}
ExecReload=/usr/sbin/nft {rule}

[Install]
WantedBy=multi-user.target
"""
TUNNEL_UNIT = """\
[Unit]
Description=A promotion's tunnel to stage 1
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/ssh -N -T -F /dev/null -i {key} -l {login} \\
    -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o HostKeyAlias=stage1 \\
    -o IdentitiesOnly=yes -o BatchMode=yes -o ExitOnForwardFailure=yes -o ConnectTimeout=5 \\
    -o ServerAliveInterval=5 -o ServerAliveCountMax=3 \\
    -L {address}:{port}:{socket} -R 127.0.0.1:{back}:{database}:{database_port} {host}
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def key(_document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: the tunnel's public key and the password of the promotion's role in both
    databases, made when there are none."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    if not KEY.exists():
        _must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "promotion", "-f", str(KEY)])
    if not PASSWORD.exists():
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(secrets.token_urlsafe(32))
    return {
        "public": KEY.with_suffix(".pub").read_text().strip(),
        "password": PASSWORD.read_text(),
        "phase": promotion_record.read().get("phase", ""),
    }


def door(document: dict[str, Any]) -> dict[str, object]:
    """On stage 1: let the tunnel's key in from the stage 2 server, to forward ports and no more.

    The authority of the new database is kept where PostgreSQL can read it too.
    """
    step("let the tunnel in")
    address = str(ipaddress.ip_address(document["from_address"]))
    words = (
        f'restrict,port-forwarding,from="{address}",permitopen="[{SOCKET}]:*",'
        f'permitlisten="127.0.0.1:{TUNNEL_PORT}",command="/bin/false" {document["public"]}'
    )
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    _authorize(words + "\n")
    CA.write_text(document["ca_pem"])
    _open(f"insert rule inet stages input ip saddr {address} tcp dport 22 accept")
    return {}


def tunnel(document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: start the tunnel and wait until it stands. The new database may dial it."""
    step("tunnel to stage 1")
    host_key = HOST_KEY.match(document["host_key"])
    if not host_key:
        raise Failed("tunnel", "the host key of stage 1 is no ssh-ed25519 key")
    KNOWN.write_text(f"stage1 {host_key[0]}\n")
    dials = run(["getent", "ahostsv4", document["database"]]).output.split()
    if not dials:
        raise Failed("tunnel", f"{document['database']} has no address")
    reach = run(["ip", "-json", "route", "get", dials[0]]).output
    source = re.search(r'"prefsrc":"([0-9.]+)"', reach)
    if not source:
        raise Failed("tunnel", "this server has no address that the database could dial")
    unit = TUNNEL_UNIT.format(
        key=KEY,
        known=KNOWN,
        login=document["login"],
        address=source[1],
        port=SUBSCRIBER_PORT,
        socket=SOCKET,
        back=TUNNEL_PORT,
        database=dials[0],
        database_port=int(document["database_port"]),
        host=ipaddress.ip_address(document["host"]),
    )
    network = document["database_network"] or dials[0]
    _open(f"insert rule inet stages input ip saddr {network} tcp dport {SUBSCRIBER_PORT} accept")
    _unit(TUNNEL, unit)
    deadline = time.monotonic() + UP_S * pace.patience()
    while not _listens(source[1]):
        if time.monotonic() > deadline:
            raise Failed(
                TUNNEL,
                f"does not reach stage 1: {units.journal(TUNNEL, 1)}",
                "The journal of the stage 2 server has more of it.",
            )
        time.sleep(0.2)
    return {"address": source[1], "port": SUBSCRIBER_PORT}


def close(_document: dict[str, Any]) -> dict[str, object]:
    """On either server: take all of this away, and the record."""
    step("take the way away")
    for name in (TUNNEL, DOOR):
        if (UNITS / name).exists():
            run(["systemctl", "disable", "--quiet", "--now", name])
            (UNITS / name).unlink()
    run(["systemctl", "daemon-reload"])
    _authorize("")
    for file in (KEY, KEY.with_suffix(".pub"), KNOWN, PASSWORD, CA):
        file.unlink(missing_ok=True)
    if FOLDER.exists():
        FOLDER.rmdir()
    run(["systemctl", "reload", "nftables.service"])  # without the rule
    promotion_record.forget()
    return {}


def _listens(address: str) -> bool:
    done = run(["ss", "-Hltn", "src", f"{address}:{SUBSCRIBER_PORT}"])
    return SUBSCRIBER_PORT in map(int, re.findall(r":(\d+)\s", done.output))


def _open(rule: str) -> None:
    _unit(DOOR, DOOR_UNIT.format(rule=rule))


def _unit(name: str, text: str) -> None:
    """Write a unit, and have it run as it says now."""
    file = UNITS / name
    if file.exists() and file.read_text() == text and units.is_active(name):
        return
    if file.exists():
        run(["systemctl", "stop", name])
        if name == DOOR:
            run(["systemctl", "reload", "nftables.service"])
    file.write_text(text)
    _must(["systemctl", "daemon-reload"])
    _must(["systemctl", "enable", "--quiet", name])
    done = units.act("start", name)
    if not done.ok:
        raise Failed(name, f"does not start: {done.last_line()}", "", units.journal(name))


def _authorize(line: str) -> None:
    """Let sshd look into a file of its own for the tunnel's key too; empty: no more.

    It is root's: whoever logs in does not change it.
    """
    if line:
        if not PERMITTED.fullmatch(line):
            raise Failed("tunnel", "the key of stage 2 is no ssh-ed25519 key")
        KEYS.write_text(line)
        SSHD.write_text(SSHD_TEXT)
    else:
        SSHD.unlink(missing_ok=True)
        KEYS.unlink(missing_ok=True)
    _must(["sshd", "-t"])
    _must(["systemctl", "reload", "ssh.service"])


def _must(argv: list[str]) -> None:
    done = run(argv)
    if not done.ok:
        raise Failed(argv[0], done.last_line())
