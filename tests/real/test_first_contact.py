"""From the first contact to an app that answers, on a real host in a cloud server's place.

The host boots the very boot document of each cloud's stack, in stage 1 with the volume under that
cloud's name for it; its own host key is pinned over a session that the one-use key verifies; the
stack's very host configuration converges it. In stage 2 the local cloud's database plays the
managed one, with the vendor's admin and database. Only what is the test's own differs: network,
SSH key, host, and where the database is.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.cloud_names import cloud_names
from components.clouds.aws.resources import rds_ca
from components.clouds.local.hosts import disk, image, inventory, names, nspawn
from components.clouds.local.resources import keys
from components.errors import UserError
from components.host import dumps
from components.program import PROJECT
from components.remote import ssh
from components.resources import first_boot, first_contact
from components.resources.host_configuration import HostConfigurationProvider
from components.seam.provider import load
from tests.contract.test_clouds import own_settings
from tests.real.host.rack import ask, head
from tests.real.local_stack import LocalStack, Props, local_stack, shell
from tests.real.test_local_database import PASSWORD
from tests.support import authorities, aws_on_the_host
from tests.support.planned import ADDRESS, Settled, only, settled
from tests.support.ranges import unused
from tests.unit.clouds.aws.test_host_metrics import signature

pytestmark = pytest.mark.real

UNTOLD = [
    name for name in cloud_names() if not load(name).cloud(own_settings(name, 1)).knows_host_keys
]
"""Clouds that cannot tell a host's key."""
CIDR = "10.91.23.0/24"
EMAIL = "ops@example.com"


@dataclass
class Site:
    """The network of all hosts, and the database that stage 2's share."""

    stack: LocalStack
    database_id: str = ""
    database: Props | None = None

    def managed(self) -> Props:
        """The database; made when it is first asked for."""
        if self.database is None:
            props = self.stack.database_props(PASSWORD)
            self.database_id, self.database = self.stack.database(props)
        return self.database

    def as_vendor(self, sql: str) -> None:
        """Do what a vendor does to its database, or undo what a stack did."""
        host = inventory.find(self.database_id)
        assert host is not None
        psql = "runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1"
        shell(host, psql, sql)


@dataclass
class Server:
    """A host that was booted as a cloud boots a server."""

    host: nspawn.Host
    address: str
    key: Path
    first: tuple[str, str]
    stack: Settled
    cloud: str
    stage: int
    device: str

    def target(self, host_key: str) -> ssh.Target:
        return ssh.Target(
            host=self.address, host_key=host_key, login="ops", private_key=self.key.read_text()
        )

    def sh(self, command: str) -> str:
        return shell(self.host, command)


@pytest.fixture(scope="module")
def site(host_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGES_LOCAL_ROOT", str(tmp_path_factory.mktemp("root")))
        image.folder().parent.mkdir()
        image.folder().symlink_to(host_image)
        with local_stack("first", CIDR) as stack:
            yield Site(stack)


@pytest.fixture(
    scope="module",
    params=[(cloud, stage) for cloud in UNTOLD for stage in (1, 2)],
    ids=lambda param: f"{param[0]}-stage{param[1]}",
)
def server(
    request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    cloud, stage = request.param
    key = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    first = first_contact.make_key()
    stack = described(f"{cloud}-stage{stage}", key, first, site.managed() if stage == 2 else None)
    boot_document = next(
        str(inputs["userData"]) for inputs in stack.open_inputs.values() if inputs.get("userData")
    )
    device = "".join(re.findall(r"What=(/dev/disk/by-id/\S+)", boot_document))
    assert bool(device) == (stage == 1), "the data volume is stage 1's"
    network = site.stack.network
    host = nspawn.Host(site.stack.folder / "hosts" / "app")
    volume = site.stack.folder / "volumes" / f"{cloud}.img"
    try:
        spec = nspawn.Spec(
            image=str(image.ensure()),
            bridge=network.bridge,
            network=network.cidr,
            address=network.address(16),
            gateway=network.gateway,
            memory_mib=3072,
            hostname="app",
        )
        host.make(spec, boot_document)
        if device:
            disk.make(volume, 1)
            host.attach(device, volume)
        elif connection := configuration(stack)["database_secrets"]["connection"]:
            site.as_vendor(
                f"CREATE ROLE {connection['PGUSER']} LOGIN CREATEDB CREATEROLE"
                f" PASSWORD '{connection['PGPASSWORD']}';\n"
                f"SELECT 'CREATE DATABASE {connection['PGDATABASE']}' WHERE NOT EXISTS"
                f" (SELECT FROM pg_database WHERE datname = '{connection['PGDATABASE']}') \\gexec"
            )
        host.start()
        names.tell(site.stack.name, host)  # what a cloud's name servers do
        yield Server(host, spec.address, key, first, stack, cloud, stage, device)
    finally:
        host.kill()  # its PostgreSQL would wait for a bucket that is not there
        host.remove()
        disk.release(volume)
        if stage == 2 and site.database:
            databases = ("app", *dumps.COPIES)
            gone = "".join(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);\n" for name in databases)
            site.as_vendor(f"{gone}DROP ROLE IF EXISTS app;")


def described(name: str, key: Path, first: tuple[str, str], database: Props | None) -> Settled:
    """The stack as if everything of it existed, the database at its place."""
    known: dict[str, object] = {
        f"{name}-app-first-contact-key.private": first[0],
        f"{name}-app-first-contact-key.public": first[1],
    }
    with authorities.known(aws_on_the_host.REGION):
        if database is not None:
            rds_ca.file(aws_on_the_host.REGION).write_text(database["ca_pem"])
            known |= {
                f"{name}-database.address": database["host"],
                f"{name}-database.privateHost": database["host"],
                f"{name}-database.port": 5432,
                f"{name}-database.user": "doadmin",
                "getDatabaseCa.certificate": database["ca_pem"],
            }
        return settled(
            name,
            known=known,
            access__ssh_keys=[key.with_suffix(".pub").read_text().strip()],
            access__ssh_cidrs=[unused(CIDR)],
            alarms__email=EMAIL,
        )


def configuration(stack: Settled) -> dict[str, Any]:
    """The stack's own inputs of the host configuration."""
    return stack.open_inputs[only(stack.plan, ":HostConfiguration")["name"]]


def props(server: Server, host_key: str) -> dict[str, Any]:
    """Those inputs, for this host."""
    own = json.loads(json.dumps(configuration(server.stack)).replace(ADDRESS, server.address))
    release = {**own["release"], "repository": str(PROJECT), "commit": head()}
    here = {
        "cloud": "digitalocean",  # its servers are where their address says
        "ssh_host": server.address,
        "ssh_host_key": host_key,
        "private_key": server.key.read_text(),
        "release": release,
    }
    return {**own, **here}


def test_someone_in_between_is_noticed_at_the_first_contact(server: Server) -> None:
    other = first_contact.make_key()[1]
    with pytest.raises(UserError) as error:
        first_contact.own_key(server.target(other))
    assert str(error.value).startswith(
        f"{server.address}: does not answer with the key of its boot document:"
    )


def test_no_first_contact_is_recorded_and_does_not_end_the_run(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the next ``up`` knows that it replaces the server."""
    other = first_contact.make_key()[1]
    known = {
        **{"cloud": "digitalocean", "server_id": "1", "ssh_host": server.address},
        **{"login": "ops", "private_key": server.key.read_text(), "port": "22"},
    }
    pin = first_contact.PinnedHostKeyProvider().create({**known, "first_key": other}).outs or {}
    assert pin["host_key"] == "" and "does not answer with the key of its boot" in pin["failed"]
    monkeypatch.setattr(first_boot, "FIRST_CONTACT_S", 0)
    stranger = first_contact.make_key()[0]
    for wrong in ({"ssh_host_key": other}, {"private_key": stranger}):
        boot = {**known, "ssh_host_key": server.first[1], **wrong}
        made = first_boot.FirstBootProvider().create(boot).outs or {}
        assert made["failed"].startswith(f"{first_boot.NO_CONTACT}: {server.address}: ")


def test_from_the_first_contact_to_an_app_that_answers(server: Server) -> None:
    pinned = first_contact.own_key(server.target(server.first[1]))
    assert pinned == " ".join(server.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    # A killed run leaves nothing that keeps the next one from the same pin.
    assert first_contact.own_key(server.target(server.first[1])) == pinned

    wanted = props(server, pinned)
    made = HostConfigurationProvider().create(wanted)
    assert made.outs is not None
    assert made.outs["revision"] == wanted["release"]["commit"]
    assert "200 OK" in ask(server.address, "/").splitlines()[0]

    # The one-use key is gone, and only the pinned one is answered with.
    assert server.sh("ls /etc/ssh | grep -c first || true") == "0"
    with pytest.raises(UserError, match="does not answer with the key of its boot document"):
        first_contact.own_key(server.target(server.first[1]))
    ssh.converse(server.target(pinned), "true", b"", lambda *_: None, deadline_s=20)


def test_the_data_is_where_the_stage_says(server: Server, site: Site) -> None:
    proof = json.loads(ask(server.address, "/proof.json").partition("\n\n")[2])
    assert (proof["database"]["name"], proof["database"]["role"]) == ("app", "app")
    if server.stage == 1:
        # On the cloud's volume, found by the cloud's own name for it.
        real = server.sh(f"readlink -f {server.device}")
        assert server.sh("findmnt -no SOURCE /data") in {server.device, real}
        return
    # In the managed database, over TLS that the pooler verifies in full.
    connection = configuration(server.stack)["database_secrets"]["connection"]
    address = names.address_of(site.stack.name, connection["PGHOST"])
    assert address == proof["database"]["server_address"]
    assert proof["database"]["tls"]["version"] == "TLSv1.3"
    server.sh("grep -x 'server_tls_sslmode = verify-full' /etc/pgbouncer/settings.ini")
    # The admin's password came over SSH, made role and database, and rests nowhere.
    kept = 'grep -rlF -e "$(cat)" /etc /var /srv /home /root /run || true'
    assert shell(server.host, kept, connection["PGPASSWORD"]) == ""
    stranger = keys.AuthorityProvider().create({"stack": site.stack.name, "name": "x"}).outs
    assert stranger is not None
    server.sh("cp /etc/pgbouncer/server-ca.pem /root/ca.pem")
    shell(server.host, "cat > /etc/pgbouncer/server-ca.pem", stranger["ca_pem"])
    server.sh("systemctl restart pgbouncer")
    refused = "journalctl -u pgbouncer -o cat --since=-5min | grep -q 'certificate verify failed'"
    through = "runuser -u app -- psql 'host=/run/pgbouncer port=6432 user=app dbname=app' -c ''"
    server.sh(f'timeout 30 sh -c "until {refused}; do timeout 1 {through} || true; done"')


def test_what_a_cloud_adds_to_its_hosts(server: Server, site: Site) -> None:
    timers = server.sh("systemctl list-timers --all --no-legend 'host-metrics*' | wc -l")
    assert timers == ("1" if server.cloud == "aws" else "0")
    if server.cloud != "aws":
        return
    # Now and not by chance: the timer would start it every five minutes.
    server.sh("systemctl stop host-metrics.timer host-metrics.service")
    outside(server, site)
    server.sh("systemctl reset-failed host-metrics.service; systemctl start host-metrics.service")
    asked = [json.loads(line) for line in server.sh("cat /run/aws.jsonl").splitlines()]
    assert [(request["method"], request["status"]) for request in asked[:2]] == [
        ("PUT", 200),
        ("GET", 200),
    ]
    sent = asked[-1]
    assert (sent["method"], sent["path"], sent["status"]) == ("POST", "/", 200)
    assert "MetricName=troubles" in sent["body"], "systemd and the journal answer the service"
    own = tuple(aws_on_the_host.CREDENTIALS.values())
    authorization = sent["headers"]["authorization"]
    assert signature(sent["body"], sent["headers"], own, aws_on_the_host.REGION) in authorization

    security = server.sh("systemd-analyze security --no-pager host-metrics.service")
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", security)
    assert exposure and float(exposure[1]) <= 2.0, security


def outside(server: Server, site: Site) -> None:
    """Have the metadata address and CloudWatch answer, in a namespace of the host."""
    name = f"monitoring.{aws_on_the_host.REGION}.amazonaws.com"
    authority = keys.AuthorityProvider().create({"stack": site.stack.name, "name": "aws"}).outs
    assert authority is not None
    certificate, key = keys.sign(
        authority["ca_pem"], authority["ca_key"], name=name, address=aws_on_the_host.CLOUDWATCH
    )
    server.host.put("/root/aws.py", Path(str(aws_on_the_host.__file__)).read_text())
    server.host.put("/root/aws.crt", certificate)
    server.host.put("/root/aws.key", key)
    server.host.put("/usr/local/share/ca-certificates/aws.crt", authority["ca_pem"])
    addresses = (aws_on_the_host.METADATA, aws_on_the_host.CLOUDWATCH)
    server.sh(
        "update-ca-certificates >/dev/null 2>&1; ip netns add aws;"
        " ip link add aws0 type veth peer name aws1 netns aws;"
        " ip address add 198.51.100.1/32 dev aws0; ip link set aws0 up;"
        " ip -n aws link set lo up; ip -n aws link set aws1 up;"
        " ip -n aws route add 198.51.100.1 dev aws1;"
        + "".join(
            f"ip -n aws address add {address}/32 dev lo;"
            f" ip route add {address} dev aws0 src 198.51.100.1;"
            for address in addresses
        )
        + f" echo '{aws_on_the_host.CLOUDWATCH} {name}' >> /etc/hosts;"
        " systemd-run --quiet --unit=aws --collect ip netns exec aws"
        " python3 /root/aws.py /run/aws.jsonl /root/aws.crt /root/aws.key;"
        " timeout 20 sh -c 'until ip netns exec aws ss -Hltn | grep -q :443; do sleep 0.1; done'"
    )
