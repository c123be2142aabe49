"""The tunnels of a promotion, by SSH from the stage 2 server to the stage 1 server.

They are units that systemd starts again, on the stage 2 server, whose key may forward ports on the
stage 1 server and nothing else. One tunnel has two ends: PostgreSQL of stage 1, for the new
database, which dials it, and the new database, for PgBouncer of stage 1. The other leads stage 1's
visitors to Nginx of stage 2, and stays until stage 1 is taken down. Each server's firewall has a
rule of its own for it, in a unit that puts it back when the firewall is loaded again.
"""

from __future__ import annotations

import ipaddress
import pwd
import re
import secrets
import time
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.host.agent import pace, promotion_record, queue, release, units, web
from components.host.agent.promotion_sql import READER, ROLE, TUNNEL_PORT
from components.host.agent.report import Failed, run, step

FOLDER = Path("/etc/stages-promotion")
KEY, PUBLIC, KNOWN = FOLDER / "key", FOLDER / "key.pub", FOLDER / "known_hosts"
KEYS, SSHD = FOLDER / "authorized_keys", Path("/etc/ssh/sshd_config.d/60-stages-promotion.conf")
SSHD_TEXT = f"""\
# As long as a promotion's tunnels are there: their key, beside those of the two usual files.
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 {KEYS}
# It opens a socket here; "permitlisten" is for ports alone, and it makes no sockets.
AllowStreamLocalForwarding local
# A tunnel whose other end is gone holds its ports no longer than this.
ClientAliveInterval 5
ClientAliveCountMax 3
"""
SSH_LIMIT = Path("/etc/systemd/system/ssh.service.d/60-stages-promotion.conf")
SSH_LIMIT_TEXT = "[Service]\n# Each visitor who is forwarded takes one.\nLimitNOFILE=65536\n"
PASSWORD, CA = FOLDER / "password", FOLDER / "ca.pem"
SUBSCRIBER_PORT = 6543
"""On the stage 2 server's own address: PostgreSQL of stage 1, for the new database."""
SOCKET = "/run/postgresql/.s.PGSQL.5432"
POOLER_CERTIFICATE = Path("/etc/pgbouncer/client-tls.pem")
"""The switch has PgBouncer read settings that name it. Without it, none about TLS would count."""
POOLER_DATABASES = Path(promotion_record.DATABASES)
POSTGRES_HBA = Path("/etc/postgresql/17/main/pg_hba.conf")
UNITS = Path("/etc/systemd/system")
TUNNEL, DOOR = "stages-promotion-tunnel.service", "stages-promotion-door.service"
GATE = "/usr/local/lib/stages/web-gate"
WEB_TUNNEL = "stages-promotion-web-tunnel.service"
FORWARD = "stages-promotion-forward.service"
"""On stage 1: its Nginx asks the web tunnel in place of its own processes."""
GUARD = "stages-promotion-guard.service"
"""On stage 1: ``promotion_guard.py``."""
FILES = "stages-promotion-files.service"
"""On stage 1: ``promotion_files.py``."""
FORWARD_PORT = 6545
"""On 127.0.0.1 of the stage 1 server: Nginx of stage 2."""
FILES_PORT = 6546
"""On 127.0.0.1 of the stage 1 server: the bucket of stage 2, where that has no public address."""
FORWARDED_PORT = 8091
"""On 127.0.0.1 of the stage 2 server: where its Nginx takes whom stage 1 forwards."""
SITE = Path("/etc/nginx/conf.d/app.conf")
LISTENING = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENS = "0A"
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
Description=A promotion's tunnel to stage 1: {purpose}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/ssh -N -T -F /dev/null -i {key} -l {login} \\
    -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o HostKeyAlias=stage1 \\
    -o IdentitiesOnly=yes -o BatchMode=yes -o ExitOnForwardFailure=yes -o ConnectTimeout=5 \\
    -o ServerAliveInterval=5 -o ServerAliveCountMax=3 \\
    {ends} {host}
Restart=always
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


FORWARD_UNIT = f"""\
[Unit]
Description=A promotion's forwarding of visitors to stage 2
After=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={GATE} open {FORWARD_PORT} 1
ExecStop={GATE} leave {FORWARD_PORT}
TimeoutStartSec=infinity
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""
"""The gate (``components/host/files/app/gate.py``) waits for a process to answer; 1 never ends. Its
``leave`` waits for the requests that are on their way."""


def key(_document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: the tunnel's public key and the password of the promotion's role in both
    databases, made when there are none, or when a run was killed while it made them."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    if not PUBLIC.exists():
        KEY.unlink(missing_ok=True)
        _must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "promotion", "-f", str(KEY)])
    PASSWORD.touch(mode=0o600)
    if not PASSWORD.read_text():
        PASSWORD.write_text(secrets.token_urlsafe(32))
    return {"public": PUBLIC.read_text().strip(), "password": PASSWORD.read_text()}


def lacks(*, stage: int) -> list[str]:
    """What a server that an older version of the project brought up does not have for a promotion:
    without it a step would fail in its middle."""
    needs = {
        1: [
            (POOLER_CERTIFICATE, "", "a certificate of PgBouncer for its clients"),
            (POOLER_DATABASES, "app_release", "a pool for the release command"),
            (POSTGRES_HBA, READER, "an entry in pg_hba.conf for the promotion's roles"),
            (Path(GATE), "", "the gate that forwards visitors"),
        ],
        2: [(SITE, f"127.0.0.1:{FORWARDED_PORT}", "a site in Nginx for forwarded visitors")],
    }
    return [
        what
        for file, text, what in needs[stage]
        if not file.exists() or text not in file.read_text()
    ]


def taken() -> list[int]:
    """Ports of the tunnels' ends on stage 1 on which the app listens, so that no tunnel can."""
    app = str(pwd.getpwnam(release.USER).pw_uid)
    taken = set()
    for file in LISTENING:
        for line in file.read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, owner, *_ = line.split()
            if (state, owner) == (LISTENS, app):
                taken.add(int(local.rpartition(":")[2], 16))
    return sorted(taken & {TUNNEL_PORT, FORWARD_PORT, FILES_PORT})


def door(document: dict[str, Any]) -> dict[str, object]:
    """On stage 1: let the tunnel's key in from the stage 2 server, to forward ports and no more.

    The authority of the new database is kept where PostgreSQL can read it too.
    """
    step("let the tunnel in")
    phase = promotion_record.read().get("phase", "")
    finished = phase == promotion_record.FINISHED
    if phase in {"", promotion_record.COPYING}:
        _refuse_lack(1)
    if ports := taken():
        raise Failed(
            "the app",
            f"listens on port {ports[0]}, which a tunnel needs",
            f"Stop that process; `sudo ss -ltnp sport = :{ports[0]}` on the server names it.",
        )
    address = str(ipaddress.ip_address(document["from_address"]))
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    limits = permitted(address, forwarding_only=finished, bucket=bool(document["bucket"]))
    _authorize(f"{limits} {document['public']}\n")
    if not finished:
        CA.write_text(document["ca_pem"])
    _open(f"insert rule inet stages input ip saddr {address} tcp dport 22 accept")
    return {}


def permitted(address: str, *, forwarding_only: bool, bucket: bool) -> str:
    """What the tunnels' key may do: nothing but forward these ports. ``bucket``: the new one is
    reached through them."""
    # Without any permitopen it might open all; nobody listens on port 1.
    opens = "localhost:1" if forwarding_only else f"[{SOCKET}]:*"
    during = () if forwarding_only else (TUNNEL_PORT, *((FILES_PORT,) if bucket else ()))
    listens = ",".join(f'permitlisten="127.0.0.1:{port}"' for port in (FORWARD_PORT, *during))
    return (
        f'restrict,port-forwarding,from="{address}",permitopen="{opens}",{listens},'
        'command="/bin/false"'
    )


def tunnel(document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: start the tunnels and wait until the databases' stands. The new database may dial
    it."""
    step("open the tunnel to stage 1")
    web_tunnel(document)
    dials = run(["getent", "ahostsv4", document["database"]]).output.split()
    if not dials:
        raise Failed("tunnel", f"{document['database']} has no address")
    reach = run(["ip", "-json", "route", "get", dials[0]]).output
    source = re.search(r'"prefsrc":"([0-9.]+)"', reach)
    if not source:
        raise Failed("tunnel", "this server has no address that the database could dial")
    database = f"{dials[0]}:{int(document['database_port'])}"
    ends = f"-L {source[1]}:{SUBSCRIBER_PORT}:{SOCKET} -R 127.0.0.1:{TUNNEL_PORT}:{database}"
    if document["bucket"]:
        ends += f" -R 127.0.0.1:{FILES_PORT}:{document['bucket']}:443"
    network = document["database_network"] or dials[0]
    _open(f"insert rule inet stages input ip saddr {network} tcp dport {SUBSCRIBER_PORT} accept")
    run_unit(TUNNEL, _tunnel_unit(document, "the databases", ends))
    deadline = time.monotonic() + UP_S * pace.patience()
    while not _listens(source[1]):
        if time.monotonic() > deadline:
            raise Failed(
                TUNNEL,
                f"does not reach stage 1: {units.journal(TUNNEL, 1)}",
                "The journal of the stage 2 server has more.",
            )
        time.sleep(0.2)
    _remember_old(source[1])
    return {"address": source[1], "port": SUBSCRIBER_PORT}


def _remember_old(address: str) -> None:
    """How this server reaches the old database, for whoever asks how the promotion stands."""
    if promotion_record.read():
        connection = {
            "PGHOST": address,
            "PGPORT": str(SUBSCRIBER_PORT),
            "PGUSER": ROLE,
            "PGPASSWORD": PASSWORD.read_text(),
            "PGDATABASE": "app",
            "PGSSLMODE": "disable",
            "PGREQUIREAUTH": "scram-sha-256",
        }
        promotion_record.write(old=connection)


def web_tunnel(document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: start the tunnel for visitors, which outlives the promotion."""
    _refuse_lack(2)
    host_key = HOST_KEY.match(document["host_key"])
    if not host_key:
        raise Failed("tunnel", "the host key of stage 1 is not an ssh-ed25519 key")
    KNOWN.write_text(f"stage1 {host_key[0]}\n")
    ends = f"-R 127.0.0.1:{FORWARD_PORT}:127.0.0.1:{FORWARDED_PORT}"
    run_unit(WEB_TUNNEL, _tunnel_unit(document, "visitors", ends))
    return {}


def _refuse_lack(stage: int) -> None:
    if missing := lacks(stage=stage):
        raise Failed("this server", f"lacks {', '.join(missing)}", f"Run `up` on stage {stage}.")


def _tunnel_unit(document: dict[str, Any], purpose: str, ends: str) -> str:
    return TUNNEL_UNIT.format(
        purpose=purpose,
        key=KEY,
        known=KNOWN,
        login=document["login"],
        ends=ends,
        host=ipaddress.ip_address(document["host"]),
    )


def forward(readiness: Mapping[str, Any]) -> None:
    """On stage 1: let the gate of the web processes know stage 2 as one more of them, once it
    answers through the tunnel. It gets the requests of those that stop."""
    step("forward visitors to stage 2")
    path = urllib.parse.urlsplit(readiness["urls"][0]).path
    url = f"http://127.0.0.1:{FORWARD_PORT}{path}"
    silent = web.wait([url], readiness["host_header"], UP_S * pace.patience())
    if silent:
        raise Failed(
            "the site of stage 2",
            f"answers {silent[url]!r} to stage 1",
            "The journal of the stage 2 server says why.",
        )
    run_unit(FORWARD, FORWARD_UNIT)


def serve_again() -> None:
    """On stage 1: no new request goes to stage 2, and those that are there come to their end."""
    step("stop forwarding visitors")
    _remove(FORWARD)


def finish(document: dict[str, Any]) -> dict[str, object]:
    """On either server: only what forwards visitors stays, until stage 1 is taken down."""
    step("close the database tunnel")
    run(["systemctl", "stop", FILES])  # whose run was killed, and which went on without it
    _remove(TUNNEL, GUARD)
    for file in (PASSWORD, CA):
        file.unlink(missing_ok=True)
    if document["side"] == "from":
        promotion_record.forget(
            phase=promotion_record.FINISHED, side="from", other=document["other"]
        )
    else:
        queue.ASIDE.unlink(missing_ok=True)
        _remove(DOOR)
        run(["systemctl", "reload", "nftables.service"])  # without the rule
        promotion_record.forget()
    return {}


def close(_document: dict[str, Any]) -> dict[str, object]:
    """On either server: take all of this away, and the record. Stage 2 gets its old queue back."""
    queue.bring_back()
    step("close the tunnels")
    run(["systemctl", "stop", FILES])
    _remove(FORWARD, TUNNEL, WEB_TUNNEL, DOOR, GUARD)
    _authorize("")
    for file in (KEY, PUBLIC, KNOWN, PASSWORD, CA):
        file.unlink(missing_ok=True)
    if FOLDER.exists():
        FOLDER.rmdir()
    run(["systemctl", "reload", "nftables.service"])  # without the rule
    promotion_record.forget()
    return {}


def _listens(address: str) -> bool:
    done = run(["ss", "-Hltn", "src", f"{address}:{SUBSCRIBER_PORT}"])
    return SUBSCRIBER_PORT in map(int, re.findall(r":(\d+)\s", done.output))


def _remove(*names: str) -> None:
    """Stop units and take them away."""
    for name in names:
        if (UNITS / name).exists():
            run(["systemctl", "disable", "--quiet", "--now", name])
            (UNITS / name).unlink()
    run(["systemctl", "daemon-reload"])


def _open(rule: str) -> None:
    run_unit(DOOR, DOOR_UNIT.format(rule=rule))


def run_unit(name: str, text: str) -> None:
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
    new = bool(line) and not SSH_LIMIT.exists()
    if line:
        if not PERMITTED.fullmatch(line):
            raise Failed("tunnel", "the key of stage 2 is not an ssh-ed25519 key")
        KEYS.write_text(line)
        SSHD.write_text(SSHD_TEXT)
        SSH_LIMIT.parent.mkdir(exist_ok=True)
        SSH_LIMIT.write_text(SSH_LIMIT_TEXT)
    else:
        for file in (SSHD, KEYS, SSH_LIMIT):
            file.unlink(missing_ok=True)
    _must(["sshd", "-t"])
    _must(["systemctl", "daemon-reload"])
    # Sessions that are open stay so, either way.
    _must(["systemctl", "restart" if new else "reload", "ssh.service"])


def _must(argv: list[str]) -> None:
    done = run(argv)
    if not done.ok:
        raise Failed(argv[0], done.last_line())
