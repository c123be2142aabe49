"""What an app that is taken over can do on its host, with the app's own deploys as its lever."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from components.clouds.local.hosts.nspawn import Host
from components.host import ids
from components.host.agent import release
from tests.real.stages.intruder import app_host, as_root, inside, sandboxed
from tests.support.clone import Stack

pytestmark = pytest.mark.real

OWNERS = "stat -c '%U %a' /etc /srv/app /srv/app/releases"
LINKED = (
    "cd /srv/app; n=$(basename $(readlink current)); mv releases .r; ln -sfn .r/$n current;"
    " ln -s {target} releases"
)
"""Word for word what made root chown, or erase, whatever ``releases`` led to."""
PLANTED = """\
folder=$(python3 -c 'import site; print(site.getusersitepackages())')
mkdir -p "$folder"
cat > "$folder/usercustomize.py" <<'END'
import pathlib, sys
if "migrate" in sys.argv:
    status = pathlib.Path("/proc/self/status").read_text()
    (pathlib.Path.home() / "seen").write_text(status)
    try:
        pathlib.Path("/var/tmp/escaped").write_text(status)
        pathlib.Path("/srv/app/escaped").write_text(status)
    except OSError:
        pass
END
"""


@pytest.fixture(params=["stage1", "stage2"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each stage in turn."""
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def host(stage1: Stack) -> Iterator[Host]:
    """Stage 1's host; what a test planted is gone afterwards."""
    yield (app_server := app_host(stage1))
    as_root(app_server, "cd /var/lib/app && rm -rf .local seen link suid x")


def deploy(stack: Stack) -> None:
    """A new revision, which is unpacked and runs its release command."""
    stack.clone.git("commit", "--allow-empty", "--quiet", "-m", "a release")
    stack.run("deploy", "--yes")


def test_a_deploy_follows_no_link_of_the_app_and_runs_its_code_in_the_sandbox(
    stage1: Stack, host: Host
) -> None:
    before = as_root(host, OWNERS)
    for target in ("/etc", "/data"):
        code, said = inside(host, LINKED.format(target=target))
        assert code != 0, said
    assert inside(host, PLANTED)[0] == 0
    deploy(stage1)
    assert as_root(host, OWNERS) == before == "root 755\nroot 755\nroot 755"
    assert as_root(host, "ls /data/postgresql/17/main/PG_VERSION")
    seen = as_root(host, "cat /var/lib/app/seen").split("\n")
    assert {"NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"} <= set(seen)
    assert as_root(host, "ls /var/tmp/escaped /srv/app/escaped 2>/dev/null || true") == ""


OUTWARD = """\
touch /srv/app/x
touch /srv/app/current/x
touch /var/cache/app-build/x
touch /var/lib/app-runtimes/x
touch /etc/x
ln /etc/shadow /var/lib/app/x
ln -s /etc/shadow /var/lib/app/link && cat /var/lib/app/link
cat /etc/app/app.env
cat /etc/pgbouncer/databases.ini
ls /data/postgresql/17/main
ls /home/ops
ls /proc/1
cat /proc/$(cat /run/sshd.pid)/environ
journalctl -q -n 1 | grep .
cat /var/log/journal/*/system.journal
dmesg
sudo -n id
su -c id </dev/null
setpriv --reuid=0 --clear-groups id
python3 -c 'import os; os.setuid(0)'
touch /var/lib/app/suid && chmod u+s /var/lib/app/suid
mknod /var/lib/app/device c 1 3
unshare --user --map-root-user id
unshare --mount id
mount -t tmpfs tmpfs /tmp
chroot / id
systemd-run --wait --pipe id
systemd-run --user --wait --pipe id
systemctl stop nginx
busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
org.freedesktop.systemd1.Manager StopUnit ss nginx.service replace
loginctl enable-linger app
hostnamectl set-hostname x
echo '* * * * * root id' > /etc/cron.d/x
echo x > /proc/sys/kernel/core_pattern
python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'
python3 -c 'import socket; socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)'
nsenter --target=1 --mount id
kill -0 1
"""
"""What a process of the app must not do; lines that end with a backslash go on."""


def test_the_apps_sandbox_has_no_way_out(stage1: Stack, host: Host) -> None:
    lines = OUTWARD.replace("\\\n", "").splitlines()
    script = "".join(f"({line}) >/dev/null 2>&1 && echo {json.dumps(line)}\n" for line in lines)
    assert sandboxed(host, f"{script}true") == (0, "")
    assert inside(host, "id -nG; touch /var/lib/app/x /tmp/x && rm /var/lib/app/x") == (0, "app")


def test_no_unit_of_the_app_reaches_into_the_memory_or_the_files_of_another(
    stage1: Stack, host: Host
) -> None:
    """Else the web process would write into the release that is being built."""
    process = as_root(host, "systemctl show --value -p MainPID web@8001")
    for command in (
        f"exec 9<> /proc/{process}/mem",
        f"ls /proc/{process}/root/",
        f"cat /proc/{process}/environ",
    ):
        as_root(host, command)
        assert sandboxed(host, command)[0] != 0, command


WEAK = """
import json, os, re, stat, sys
PATH = r"(?<![\\w.}/:])/(?:etc|data|home|run|srv|usr|var)/[\\w./@-]+"
named = set(json.load(sys.stdin))
for folder, ending in (("/usr/local/lib/stages", ""), ("/etc/systemd/system", ".service")):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.endswith(ending) and os.path.isfile(path) and not os.path.islink(path):
            text = open(path).read()
            if not re.search("^User=(?!root$)", text, re.M):
                named |= set(re.findall(PATH, text))
for path in sorted(named):
    above = os.path.dirname(path.rstrip("/."))
    while above != "/":
        try:
            found = os.lstat(above)
            others = found.st_mode & 0o002 or found.st_mode & 0o020 and found.st_gid
            if stat.S_ISDIR(found.st_mode) and (found.st_uid or others):
                print(above, path)
        except FileNotFoundError:
            pass
        above = os.path.dirname(above)
"""
"""Prints each directory above a path that root-run code names and that a lesser user may write."""


def test_root_names_no_path_below_a_directory_that_a_lesser_user_can_write(stack: Stack) -> None:
    """Where it must, it goes by descriptor (``converge/folders.py``), and stands here with why."""
    inputs = stack.resource("HostConfiguration")["inputs"]
    named = [*inputs["files"], *inputs["directories"], *inputs["absent"]]
    own = [release.CURRENT, release.RELEASES / "x", release.REMOVED / "x", release.COMPLETE / "x"]
    named += [str(path) for path in own]
    weak = as_root(app_host(stack), f"python3 -c '{WEAK}'", stdin=json.dumps(named))
    assert [line for line in weak.splitlines() if not re.match(FINE, line)] == []


FINE = (
    # The login user may become root as it is.
    r"/home/ops(/\.ssh)? "
    # Asked whether it is a socket; what connects is psql, as PgBouncer's or the app's user.
    r"|/run/pgbouncer /run/pgbouncer/\.s\.PGSQL\.6432$"
)

WRITTEN_BY_OTHERS = {
    "/tmp /var/tmp /run/lock /run/cloud-init/tmp": "sticky: nobody moves another's files",
    "/var/cache/apt/archives/partial /var/lib/apt/lists/partial /var/lib/apt/lists/auxfiles": "apt",
    "/var/mail": "nothing",
    "/etc/postgresql": "nothing where PostgreSQL does not run: the local image has it all the same",
    "/var/lib/systemd/network /run/systemd/netif": "systemd's own, as its user",
    "/var/lib/nginx/body /var/lib/nginx/fastcgi /var/lib/nginx/proxy /var/lib/nginx/scgi"
    " /var/lib/nginx/uwsgi": "Nginx gives them to its workers, which alone write there",
    "/var/log/valkey /var/log/postgresql /var/log/gunicorn": "nothing: logs go to the journal",
    "/var/lib/valkey /run/valkey /run/pgbouncer /run/postgresql": "systemd makes them",
    "/var/lib/postgresql": "nothing: the data is on the volume",
    "/data/postgresql/17/main": "nothing: make-cluster looks into it as postgres",
    "/var/lib/pgbackrest /var/log/pgbackrest /var/spool/pgbackrest": "nothing: the package's own;"
    " backups work in a folder of their own",
    "/data/storage": "nothing: the app's uploads, for its own processes alone",
    "/data/valkey": "nothing: valkey-data.service makes it beside this place and moves it here",
    "/var/lib/app": "systemd makes it",
    "/run/web-*": "systemd makes it; the gate looks for a socket by descriptor (files/app/gate.py)",
    "/var/cache/app-build /var/lib/app-runtimes": "nothing: the app's user empties them",
    "/srv/app/releases/*": "moved away, then removed (converge/folders.py)",
    "/home/ops /run/user/*": "the login user may become root as it is",
}
"""Each directory that a lesser user can write, with what root does in it."""


def test_every_directory_that_a_lesser_user_can_write_is_known(stack: Stack) -> None:
    weak = "! -user root -o -perm -o+w -o -perm -g+w ! -group root"
    skip = "-path /proc -o -path /sys -o -path /dev"
    find = f"find / \\( {skip} \\) -prune -o -type d \\( {weak} \\) -print -prune"
    # What is gone again while it looks is no failure.
    writable = as_root(app_host(stack), f"{find} 2>/dev/null || true").splitlines()
    assert "/tmp" in writable
    private = re.compile(r"(/var)?/tmp/|/run/credentials/")
    known = {name for names in WRITTEN_BY_OTHERS for name in names.split()}
    assert {
        re.sub(r"^(/srv/app/releases/|/run/user/|/run/web-).*", r"\1*", path) for path in writable
    } - {path for path in writable if private.match(path)} <= known


def test_frameworks_keep_their_temporary_files_and_logs_beside_their_code(
    stage1: Stack, host: Host
) -> None:
    folders = "/srv/app/current/tmp /srv/app/current/log"
    as_root(host, f"install -d -o app -g app {folders}; systemctl restart web@8001")
    try:
        assert inside(host, "cd /srv/app/current; touch tmp/x log/x && ! touch x 2>&1")[0] == 0
    finally:
        as_root(host, f"systemctl stop web@8001; rm -r {folders}; systemctl start web@8001")


def test_no_process_of_a_host_has_the_id_of_a_person_on_the_machine(stack: Stack) -> None:
    """There they are processes of the machine, which its users could signal and trace."""
    listed = as_root(app_host(stack), "id -u ops; id -u app; id -u pgbouncer; ps -e -o uid=")
    own, seen = listed.split()[:3], {int(uid) for uid in listed.split()}
    assert own == [str(uid) for uid in (ids.LOGIN, ids.APP, ids.PGBOUNCER)]
    assert {uid for uid in seen if 1000 <= uid < 60000} <= {ids.POSTGRES}
