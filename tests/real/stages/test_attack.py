"""Both stages under attack: from the internet, the private network, and the app's own user."""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.clouds.local.hosts import inventory, machine
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.net import bridge
from components.host.agent.report import RUN_TAG
from components.host.samples import TAG
from scripts.lib.signals import asking, evidence
from tests.real.stages.attacker import attacker
from tests.support.clone import Clone, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.real

POOL = "postgresql://app@/app?host=/run/pgbouncer&port=6432"
QUERY = f"psql -XAtc 'select 1' '{POOL}'"
POSTGRES = "postgresql@17-main.service"


@pytest.fixture(params=["stage1", "stage2"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each stage in turn."""
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen


def app_host(stack: Stack) -> Host:
    host = inventory.find(stack.resource("HostConfiguration")["id"])
    assert host is not None
    return host


def database_hosts(stack: Stack) -> list[Host]:
    own = app_host(stack).folder
    return [host for host in inventory.every(stack.name) if host.folder != own]


def sh(host: Host, command: str, *, user: str = "root", stdin: str = "") -> tuple[int, str]:
    """Run a shell command on a host as a user; return its exit code and all that it said."""
    inside = ["runuser", "-u", user, "--", "sh", "-c", command]
    done = host.run(inside, stdin=stdin)
    return done.returncode, done.stdout + done.stderr


def must(host: Host, command: str, **options: Any) -> str:
    code, said = sh(host, command, **options)
    assert code == 0, f"{command}: {said}"
    return said.strip()


# From outside.


def test_the_internet_sees_the_web_on_the_static_address_and_nothing_else(
    stage1: Stack, stage2: Stack
) -> None:
    static = [stack.resource("Address")["outputs"]["address"] for stack in (stage1, stage2)]
    own = [
        host.spec().address for stack in (stage1, stage2) for host in inventory.every(stack.name)
    ]
    with attacker("203.0.113.2", 30, gateway="203.0.113.1") as internet:
        seen = internet.scan([*static, *own])
    for address in static:
        assert 80 in seen[address]["open"]
        assert seen[address]["open"] | seen[address]["refused"] == {80, 443}
    for address in own:
        assert seen[address] == {"open": set(), "refused": set()}


def test_a_second_host_on_the_private_network_does_not_reach_the_database(stage2: Stack) -> None:
    network = bridge.of(stage2.name, str(stage2.settings["network.cidr"]))
    app = app_host(stage2).spec().address
    databases = [host.spec().address for host in database_hosts(stage2)]
    assert databases
    with attacker(network.address(40), network.prefix, bridge=network.bridge) as neighbour:
        seen = neighbour.scan([app, *databases])
    # The operator's own network is this one where stages:access.ssh_cidrs is left out.
    assert seen[app]["open"] == {22, 80}
    assert seen[app]["refused"] == {443}
    for address in databases:
        assert seen[address] == {"open": set(), "refused": set()}


def test_the_database_wants_tls_and_the_password_of_the_app_host_as_well(stage2: Stack) -> None:
    host = app_host(stage2)
    name = upstream(host)
    psql = f"PGPASSWORD=guess psql -XAtc 'select 1' 'host={name} user=app dbname=app sslmode="
    assert "no encryption" in sh(host, f"{psql}disable'", user="app")[1]
    assert "password authentication failed" in sh(host, f"{psql}require'", user="app")[1]


# Between the pooler and the database.


class Authority:
    """An authority of the test's own, and what it signs."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the test's")])
        own = self._builder(self.name, self.key, timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.pem = pem(own.sign(self.key, hashes.SHA256()))

    def sign(self, name: str, lasts: timedelta) -> tuple[str, str]:
        """A certificate for a name, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = self._builder(subject, key, lasts).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return pem(made.sign(self.key, hashes.SHA256())), private.decode()

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + lasts)
        )


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def upstream(host: Host) -> str:
    """The name by which the pooler knows its database."""
    match = re.search(r"^app = host=(\S+)", must(host, "cat /etc/pgbouncer/databases.ini"), re.M)
    assert match
    return match[1]


@contextmanager
def kept(host: Host, folder: str, names: tuple[str, ...], then: str) -> Iterator[None]:
    """Put files back as they were when the block ends, and let their reader know."""
    must(host, f"mkdir -m 700 /root/kept && cd {folder} && cp -a {' '.join(names)} /root/kept")
    try:
        yield
    finally:
        must(host, f"cd /root/kept && cp -a {' '.join(names)} {folder} && rm -r /root/kept; {then}")


def overwrite(host: Host, path: str, text: str) -> None:
    must(host, f"cat > {path}", stdin=text)  # mode and owner stay


def test_the_pooler_refuses_an_expired_certificate_and_another_name(stage2: Stack) -> None:
    host, (database, *_) = app_host(stage2), database_hosts(stage2)
    name, authority = upstream(host), Authority()
    folder, files = "/etc/postgresql/17/main", ("server.crt", "server.key")
    restart = "systemctl restart pgbouncer"

    def tried(certificate: tuple[str, str]) -> tuple[int, str]:
        """What a client gets from a database with this certificate, and what the pooler says."""
        for file, text in zip(files, certificate, strict=True):
            overwrite(database, f"{folder}/{file}", text)
        must(database, f"systemctl reload {POSTGRES}")
        since = must(host, "date '+%F %T.%N'")
        must(host, restart)
        code, _ = sh(host, f"timeout 3 {QUERY}", user="app")
        return code, must(host, f"journalctl -u pgbouncer --since '{since}' -o cat")

    with (
        kept(database, folder, files, f"systemctl reload {POSTGRES}"),
        kept(host, "/etc/pgbouncer", ("server-ca.pem",), restart),
    ):
        overwrite(host, "/etc/pgbouncer/server-ca.pem", authority.pem)
        day = timedelta(days=1)
        assert tried(authority.sign(name, day))[0] == 0
        code, said = tried(authority.sign(name, -day))
        assert code == 124 and "certificate verify failed" in said
        code, said = tried(authority.sign("another.example", day))
        assert code == 124 and f"name `{name}' not present in server certificate" in said
    until("the pooler to serve again", lambda: stage2.get()["problem"] is None)


# On the host, as the app's user.


def test_the_apps_user_cannot_become_another(stack: Stack) -> None:
    host = app_host(stack)
    for command in (
        "sudo -n id",
        "su postgres -c id </dev/null",
        "runuser -u postgres -- id",
        "setpriv --reuid=0 --clear-groups id",
        "systemd-run --wait --pipe id",
        "systemctl restart nginx",
        "machinectl shell root@.host /usr/bin/id",
        "psql -XAtc 'show version' 'host=/run/pgbouncer port=6432 user=pgbouncer dbname=pgbouncer'",
        "psql -XAtc 'select 1' 'host=/run/postgresql user=app dbname=app'",
        "psql -XAtc 'select 1' 'host=/run/postgresql user=postgres dbname=postgres'",
        "kill -0 $(pidof -s pgbouncer)",
        "cat /proc/$(pidof -s pgbouncer)/environ",
        "exec 9< /run/stages-host.lock",
        "journalctl -q -n 1 | grep .",
        "dmesg",
    ):
        code, said = sh(host, command, user="app")
        assert code != 0, f"{command}: {said}"
    assert must(host, "id -nG", user="app") == "app"
    for unit in ("web@8001", "web@8002", "worker@worker.1"):
        pid = must(host, f"systemctl show --value -p MainPID {unit}")
        status = must(host, f"cat /proc/{pid}/status")
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
        assert re.search(r"^CapBnd:\s+0+$", status, re.M)


def test_the_pool_lets_nobody_in_without_the_password(stack: Stack) -> None:
    """Every user of the host can connect to its port; the password is out of their reach."""
    host = app_host(stack)
    environment = must(host, "cat /etc/app/app.env")
    (password,) = re.findall(
        r'^DATABASE_URL="\w+://app:(\S+)@127.0.0.1:6432/app"$', environment, re.M
    )
    at = "host=127.0.0.1 port=6432 sslmode=disable"
    # Not in a command line, which journald keeps of whoever logs something.
    ask = (
        f"read -r PGPASSWORD; export PGPASSWORD; psql -XAtwc 'select 1' '{at} user=app dbname=app'"
    )
    assert must(host, ask, user="nobody", stdin=password + "\n") == "1"
    for user in ("app", "nobody", "www-data", "pgbouncer", "ops"):
        for alias in ("app", "app_direct"):
            way = f"psql -XAtwc 'select 1' '{at} user=app dbname={alias}'"
            assert "no password supplied" in sh(host, way, user=user)[1], user
            guess = sh(host, f"PGPASSWORD=guess {way}", user=user)[1]
            assert "password authentication failed" in guess, user
        admin = f"psql -XAtwc 'show version' '{at} user=pgbouncer dbname=pgbouncer'"
        assert sh(host, admin, user=user)[0] == 2, user


def test_the_queue_obeys_the_app_and_root_alone(stack: Stack) -> None:
    host = app_host(stack)
    for user in ("app", "nobody", "pgbouncer", "ops"):
        assert "NOAUTH" in sh(host, "valkey-cli -h 127.0.0.1 scan 0", user=user)[1], user
        assert sh(host, "/usr/local/lib/stages/valkey-cli ping", user=user)[0] != 0, user
    assert must(host, "/usr/local/lib/stages/valkey-cli ping") == "PONG"
    assert stack.get()["queue"]["reachable"] is True


def test_the_app_forges_no_line_that_signals_believes(stage1: Stack) -> None:
    host = app_host(stage1)
    since = float(must(host, "date +%s"))
    forged = {
        "nginx": f'- "GET /" 503 0 at={since:.3f} status=503 took=77.7 by=[502]',
        TAG: json.dumps({"at": since + 1, "memory_mib": 77777}),
        RUN_TAG: "begins",
    }
    for tag, text in forged.items():
        must(
            host,
            f"cat > /tmp/forged && logger -t {tag} -f /tmp/forged",
            user="app",
            stdin=text,
        )
    must(host, "journalctl --sync; systemctl start samples.service; journalctl --sync")
    for text in forged.values():
        assert text in must(host, f"journalctl -o cat --since=@{since:.0f}")
    samples, _, events = must(host, asking.command(since)).partition(asking.MARK)
    signs = evidence.read(samples, events, since, since + 60)
    assert signs.samples and all(sample.page_ms != 77700 for sample in signs.samples)
    assert (signs.refused, signs.runs) == ([], ())
    assert "77777" not in samples


def test_the_apps_user_writes_where_it_should_and_nowhere_else(stack: Stack) -> None:
    host = app_host(stack)
    allowed = "/proc /sys /dev /tmp /var/tmp /run/lock /srv/app /var/lib/app"
    skip = " -o ".join(f"-path {path}" for path in allowed.split())
    # Sockets that Debian opens to everyone, and PostgreSQL's, which asks who comes.
    find = f"find / \\( {skip} \\) -prune -o -writable -not -type l -not -type s -print 2>/dev/null"
    own = ["/run/cloud-init/tmp", "/run/web-8001", "/run/web-8002"]
    own += ["/var/cache/app-build", "/var/lib/app-runtimes"]  # of builds: web does not reach them
    uploads = ["/data/storage"] if stack.settings["stage"] == 1 else []
    writable = must(host, f"{find} || true", user="app").splitlines()
    assert sorted(writable) == [*uploads, *own]
    sockets = must(host, "find /run -type s -writable 2>/dev/null || true", user="app").splitlines()
    foreign = "valkey|nginx|stages|/run/pgbouncer/(?!.s.PGSQL.6432$)"
    assert "/run/pgbouncer/.s.PGSQL.6432" in sockets
    assert [path for path in sockets if re.search(foreign, path)] == []


def test_the_metadata_address_answers_root_alone(stack: Stack) -> None:
    host = app_host(stack)
    stand_in = "systemd-run --quiet --unit=metadata --collect python3 -m http.server"
    # From an address that the refusal finds its way back to: else curl waits for its time.
    curl = "curl -sS --noproxy '*' --interface 127.0.0.1 --max-time 5 http://169.254.169.254:8111/"
    must(host, "ip address add 169.254.169.254/32 dev lo")
    try:
        must(host, f"{stand_in} --bind 169.254.169.254 8111")
        until("the stand-in", lambda: sh(host, curl)[0] == 0)
        for user in ("app", "pgbouncer", "www-data", "valkey", "nobody"):
            assert sh(host, curl, user=user)[0] == 7, user
    finally:
        sh(host, "systemctl stop metadata; ip address del 169.254.169.254/32 dev lo")


# Secrets.


def secrets_of(stack: Stack) -> set[str]:
    """Every word of the stack's secrets that is long and mixed enough to be a key."""
    return set(_secrets(stack.clone.path, stack.name))


@functools.cache  # made once a stack
def _secrets(checkout: Path, name: str) -> frozenset[str]:
    texts: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            texts.extend([str(json.loads(value["plaintext"]))] if "plaintext" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                walk(each)

    walk(Stack(Clone(checkout), name, {}).exported())
    public = r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----|ssh-\w+ AAAA\S+"
    texts = [re.sub(public, "", text.replace("\\n", "\n"), flags=re.S) for text in texts]
    words = {word for text in texts for word in re.findall(r"[A-Za-z0-9_+/-]{30,}", text)}
    mixed = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])")
    return frozenset(word for word in words if mixed.match(word))


def leaked(secrets: set[str], text: str) -> set[str]:
    return {secret for secret in secrets if secret in text}


def test_the_secrets_are_found_where_they_belong(stack: Stack) -> None:
    """Else the tests below would look for nothing."""
    secrets, host = secrets_of(stack), app_host(stack)
    assert leaked(secrets, must(host, "cat /etc/app/app.env"))
    if database_hosts(stack):
        assert leaked(secrets, must(host, "cat /etc/pgbouncer/databases.ini"))


def test_no_secret_in_the_state_in_the_journal_or_in_the_boot_document(stack: Stack) -> None:
    secrets = secrets_of(stack)
    for file in (stack.clone.path / ".stages" / "state").rglob("*"):
        if file.is_file():
            assert not leaked(secrets, file.read_text(errors="replace")), file
    for host in inventory.every(stack.name):
        assert not leaked(secrets, must(host, "journalctl -q --no-pager -o json"))
    boot = "/var/lib/cloud/instance"
    assert not leaked(secrets, must(app_host(stack), f"cat {boot}/user-data.txt"))
    mode = must(app_host(stack), f"stat -c %a {boot}/user-data.txt {boot}/cloud-config.txt")
    assert mode.split() == ["600", "600"]


@pytest.mark.parametrize("user", ["app", "nobody"])
def test_no_file_with_a_secret_is_readable(stack: Stack, user: str) -> None:
    secrets, app = secrets_of(stack), app_host(stack).folder
    for host in inventory.every(stack.name):
        made = [path for path in host.upper.rglob("*") if path.is_file() and not path.is_symlink()]
        holding = [path for path in made if leaked(secrets, path.read_text(errors="replace"))]
        names = "\n".join(f"/{path.relative_to(host.upper)}" for path in holding)
        test = 'while read -r file; do [ ! -r "$file" ] || echo "$file"; done'
        if user == "nobody" or host.folder == app:
            assert holding or host.folder != app, "the files with secrets were not found"
            assert must(host, test, user=user, stdin=f"{names}\n") == ""
            assert (
                must(
                    host,
                    "[ ! -d /data ] || find /data -type f -readable 2>/dev/null || true",
                    user=user,
                )
                == ""
            )
    # What the machine keeps of the hosts, for its other users.
    assert machine.stack_folder(stack.name).stat().st_mode & 0o077 == 0


def test_no_secret_in_the_process_list_while_everything_changes(stage2: Stack) -> None:
    """The machine sees the processes of its hosts as well."""
    stack = stage2  # it has every secret of stage 1, and the database's passwords
    secrets, seen, stop = secrets_of(stack), set[str](), threading.Event()

    def look() -> None:
        while not stop.wait(0.005):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(entry.read_text(errors="replace").replace("\0", " "))
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        stack.up(app__environment={"COLOUR": "attacked"}, database__pool_size=6)
    finally:
        stop.set()
        thread.join()
        stack.up(app__environment=None, database__pool_size=None)
    assert any(line.startswith("ssh ") for line in seen), "the list was not looked at"
    assert any("psql" in line for line in seen)
    assert [line for line in seen if leaked(secrets, line)] == []


# Upgrades.


def test_security_upgrades_are_on(stack: Stack) -> None:
    host = app_host(stack)
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        assert must(host, f"systemctl is-enabled {timer}; systemctl is-active {timer}").split() == [
            "enabled",
            "active",
        ]
    chosen = must(host, "apt-config shell on APT::Periodic::Unattended-Upgrade; apt-config dump")
    assert "on='1'" in chosen
    assert re.search(r"Origins-Pattern.*-Security", chosen, re.I)


CLIENTS = """
import json, pathlib, sys, threading, psycopg
enough, failures, answers = pathlib.Path(sys.argv[2]), [], []
def ask():
    try:
        with psycopg.connect(sys.argv[1], prepare_threshold=None) as link:
            while not enough.exists():
                link.execute("select pg_sleep(0.005)")
                link.commit()
                answers.append(1)
                if len(answers) == 200:
                    enough.with_name("begun").touch()
    except psycopg.Error as problem:
        failures.append(repr(problem))
threads = [threading.Thread(target=ask) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps({"answers": len(answers), "failures": failures}))
"""
"""Twenty clients that ask without a pause until a file appears."""


def test_clients_wait_while_postgresql_restarts(stage1: Stack) -> None:
    """As an upgrade of its package does it: stopped, and started again."""
    host = app_host(stage1)
    folder = must(host, "mktemp -d", user="app")
    argv = ["runuser", "-u", "app", "--", "python3", "-c", CLIENTS, POOL, f"{folder}/enough"]
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(host.run(argv).stdout))
    before = must(host, f"systemctl show --value -p InvocationID {POSTGRES}")
    thread.start()
    try:
        until("the clients", lambda: sh(host, f"test -e {folder}/begun")[0] == 0)
        must(host, f"systemctl restart {POSTGRES}")
        must(host, f"systemctl stop {POSTGRES}; systemctl start {POSTGRES}")
        must(host, QUERY, user="app")
    finally:
        must(host, f"touch {folder}/enough")
        thread.join()
        must(host, f"rm -r {folder}")
    result = json.loads(said[0])
    assert result["answers"] > 200 and result["failures"] == []
    assert must(host, f"systemctl show --value -p InvocationID {POSTGRES}") != before


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("systemctl stop pgbouncer", "systemctl start pgbouncer"),
        ("kill -STOP $(pidof pgbouncer)", "kill -CONT $(pidof pgbouncer)"),
    ],
    ids=["stopped", "hung"],
)
def test_a_pooler_that_does_not_answer_keeps_no_restart(
    stage1: Stack, away: str, back: str
) -> None:
    host = app_host(stage1)
    must(host, away)
    try:
        must(host, f"systemctl restart {POSTGRES}")
    finally:
        must(host, back)
    assert until("the pool", lambda: sh(host, QUERY, user="app")[1].strip() == "1")
