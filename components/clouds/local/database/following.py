"""Brings a member of a database to its role: to lead, to follow, to go.

Every step may be repeated, and starts from what is there: a run that was killed is taken up by the
next one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from components.clouds.local.database import cluster, replication
from components.clouds.local.database import host_files as files
from components.clouds.local.database.cluster import Cluster
from components.clouds.local.hosts import disk, machine, names
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.resources import volume
from components.errors import StepFailed, UserError
from components.host.agent import admin_sql

READY_TIMEOUT_S = 120
"""Until PostgreSQL answers; 3 s for a new one, more after a crash on a large volume."""
COPY_TIMEOUT_S = 3600
"""Until a new follower has its copy and answers: 2 s for an empty database, a minute or two for
10 GiB."""
STREAM_TIMEOUT_S = 20
"""Until a follower that answers has found its primary, before its copy is taken anew."""


class Accounts(NamedTuple):
    """Passwords of the vendor's own roles."""

    admin: str
    replicator: str
    """Empty where nothing follows."""


def lead(host: Host, known: Cluster, accounts: Accounts) -> None:
    """Have a member accept writes, give the roles their passwords, and let the name lead to it."""
    _start(host, known, READY_TIMEOUT_S)
    replication.promote(host)  # of a failover that was killed after its decision
    sql = files.admin_sql(accounts.admin, accounts.replicator)
    done = host.run([*admin_sql.as_postgres(), "-f", "-"], stdin=sql)
    if done.returncode != 0:
        output = done.stderr
        for secret in filter(None, accounts):
            output = output.replace(secret, "[secret]")
        raise StepFailed(f"Database {known.name}: {_one_line(output)}")
    names.publish(known.stack, known.name, host.spec().address)


def follow(host: Host, known: Cluster, member: str) -> Cluster:
    """Have a member follow the primary, which is started where it is off.

    A member that cannot find the way from its data to the primary's (a former primary's, one that
    was away for too long) gets a copy anew. With a standby that streams, commits wait for it from
    then on; one that was synchronous before stays so meanwhile, and writes wait.
    """
    primary = known.host(known.primary)
    if primary is None:
        raise StepFailed(
            f"Database {known.name}: its primary {known.primary} is gone",
            f"Its data is on its volume: run `make refresh STACK={known.stack}`, then "
            f"`make up STACK={known.stack}`.",
        )
    _start(primary, known, READY_TIMEOUT_S)
    names.publish(known.stack, known.name, primary.spec().address)
    replication.keep_log_for(primary, _followers(known))
    _start(host, known, COPY_TIMEOUT_S)
    if not _streams(primary, member, STREAM_TIMEOUT_S):
        _copy_anew(host, known)
        if not _streams(primary, member, STREAM_TIMEOUT_S):
            raise StepFailed(f"Database {known.name}: {member} does not follow")
    if member == known.spare:
        known = _synchronous(primary, replace(known, synchronous=member))
        what = f"commits of {known.name} should wait for {member}"
        machine.wait_until(what, STREAM_TIMEOUT_S, lambda: _in_sync(primary, member))
        cluster.write(known)
    return known


def dismiss(known: Cluster, member: str) -> None:
    """Have nobody wait for a member any more, nor keep the log for it."""
    rest = known.without(member)
    primary = rest.host(rest.primary)
    if primary is not None:
        _synchronous(primary, rest)
    cluster.write(rest)
    host = known.host(member)
    if host is not None:
        host.kill()  # what follows has nothing to lose, and lets go of its slot
    if primary is not None and replication.answers(primary):
        what = f"{known.name} should let {member} go"
        slot = cluster.slot(member)
        machine.wait_until(what, STREAM_TIMEOUT_S, lambda: slot not in replication.streams(primary))
        replication.keep_log_for(primary, _followers(rest))
        for follower in _followers(rest):  # after a change of the primary they look for it a while
            if replication.answers(rest.host(follower)):
                _streams(primary, follower, STREAM_TIMEOUT_S)


def give_back(known: Cluster) -> Cluster:
    """Let the first member lead again, on the disk of the one that leads now.

    The disk moves, not the data: nothing has to be reachable or in step for it. What was on the
    first member's own disk is older. The database is away for the time of a start.
    """
    leader, first = known.host(known.primary), known.host(known.name)
    newer = volume.file_of(f"{known.stack}/{known.primary}")
    older = volume.file_of(f"{known.stack}/{known.name}")
    for host, file in ((first, older), (leader, newer)):
        if host is not None:
            host.stop()
        disk.release(file)
    if newer.exists():  # else this was done, and what came after it was not
        newer.replace(older)
    back = replace(known, primary=known.name, synchronous="")
    cluster.write(back)
    if first is not None:
        replication.put_role(first, known.name, back)
        _start(first, back, READY_TIMEOUT_S)
        names.publish(known.stack, known.name, first.spec().address)
    return back


def is_well(host: Host, known: Cluster | None, member: str) -> bool:
    """Whether a member does what its role is, as far as can be told: a follower whose primary does
    not answer is not to blame. A standby for which no commit waits is none yet."""
    if host.state() != "running":
        return False
    if known is None or not replication.answers(host):
        return known is None
    if not known.follows(member):
        return not replication.in_recovery(host)
    if member == known.spare and member != known.synchronous:
        return False
    primary = known.host(known.primary)
    if primary is None or not replication.answers(primary):
        return True
    return _streams(primary, member, 0)


def unit(version: str) -> str:
    """PostgreSQL's unit on a host."""
    return f"postgresql@{version}-main.service"


def inside(host: Host, argv: list[str]) -> None:
    """Run a program on a host; its failure is one line."""
    done = host.run(argv, timeout_s=COPY_TIMEOUT_S)
    if done.returncode != 0:
        output = _one_line(done.stderr)
        raise StepFailed(f"{host.spec().hostname}: {argv[0]} failed: {output}")


def _start(host: Host, known: Cluster, timeout_s: float) -> None:
    """Start a host, or PostgreSQL on one that runs."""
    if host.state() == "running" and not replication.answers(host):
        host.run(["systemctl", "reset-failed"])
        host.run(["systemctl", "start", "--no-block", unit(known.version)])
    host.start()
    _wait_for_answer(host, known, timeout_s)


def _followers(known: Cluster) -> list[str]:
    return [member for member, _ in known.members if known.follows(member)]


def _streams(primary: Host, member: str, timeout_s: float) -> bool:
    def is_streaming() -> bool:
        stream = replication.streams(primary).get(cluster.slot(member))
        return stream is not None and stream.state == "streaming"

    try:
        return machine.wait_until(f"{member} should follow", timeout_s, is_streaming, every_s=0.2)
    except UserError:
        return False


def _in_sync(primary: Host, member: str) -> bool:
    stream = replication.streams(primary).get(cluster.slot(member))
    return stream is not None and stream.sync


def _synchronous(primary: Host, known: Cluster) -> Cluster:
    """Tell the primary for whom commits wait."""
    if replication.put_role(primary, known.primary, known) and replication.answers(primary):
        replication.reload(primary)
    return known


def _copy_anew(host: Host, known: Cluster) -> None:
    mark = f"{files.data_of(known.version)}/standby.signal"
    inside(host, ["systemctl", "stop", unit(known.version)])
    inside(host, ["rm", "-f", mark])
    inside(host, ["systemctl", "restart", files.CLUSTER_UNIT])
    inside(host, ["systemctl", "start", "--no-block", unit(known.version)])
    _wait_for_answer(host, known, READY_TIMEOUT_S)


def _wait_for_answer(host: Host, known: Cluster, timeout_s: float) -> None:
    units = [files.CLUSTER_UNIT, unit(known.version)]
    which = host.spec().hostname

    def ready() -> bool:
        if replication.answers(host):
            return True
        if _fails(host, units):
            of_units = [argument for name in units for argument in ("-u", name)]
            output = host.run(["journalctl", "-b", "-n", "8", "-o", "cat", *of_units]).stdout
            raise StepFailed(f"Database {which}: {_one_line(output)}")
        return False

    machine.wait_until(f"database {which} should answer", timeout_s, ready)


def _fails(host: Host, units: list[str]) -> bool:
    """Whether one of them has failed for good, or is about to be started for the third time."""
    show = ["systemctl", "show", "-p", "ActiveState", "-p", "SubState", "-p", "NRestarts", *units]
    for shown in host.run(show).stdout.split("\n\n"):
        state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        again = state.get("SubState") == "auto-restart" and state.get("NRestarts", "0") != "0"
        if again or state.get("ActiveState") == "failed":
            return True
    return False


def _one_line(text: str) -> str:
    return " ".join(text.split())
