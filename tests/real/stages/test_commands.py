"""The commands of every day, on a stack of stage 1."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from components.host import valkey
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real


def argv(stage1: Stack, verb: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "scripts", verb, "--stack", stage1.name, *words]


def run(stage1: Stack, group: str, verb: str, *words: str, code: int = 0) -> str:
    """Run a verb that is one of a group: `env set`, `db info`."""
    return stage1.clone.run(group, verb, "--stack", stage1.name, *words, code=code)


def started(stage1: Stack, verb: str, *words: str) -> subprocess.Popen[str]:
    """A command that goes on."""
    return subprocess.Popen(
        argv(stage1, verb, *words),
        cwd=stage1.clone.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_a_terminal(stage1: Stack, verb: str, typed: list[tuple[str, str]]) -> str:
    """What an operator sees who types each line once its prompt is there."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(stage1.clone.path)
        os.execv(sys.executable, argv(stage1, verb))  # noqa: S606
    seen = ""
    for prompt, line in typed:
        while prompt not in seen:
            seen += os.read(terminal, 4096).decode(errors="replace")
        os.write(terminal, f"{line}\n".encode())
        seen += "\n"
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data.decode(errors="replace")
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return f"{seen}\nexit code {code}"


def test_a_command_of_the_app(stage1: Stack) -> None:
    """As the app's user, in its release, with its environment; words, exit code and stdin kept."""
    script = "id -un; pwd; echo $STAGES_REVISION; echo $STAGES_STACK; touch here || exit 7"
    said = stage1.run("run", "--", script, code=7).splitlines()
    revision = stage1.outputs()["revision"]
    assert said[:4] == ["app", "/srv/app/current", revision, stage1.name]
    assert "Read-only file system" in said[4]
    words = ["a b", "$HOME", "`id`", "it's", "", "a;b"]
    assert stage1.run("run", "--", "printf", "<%s>", *words) == "".join(f"<{w}>" for w in words)
    assert stage1.run("ssh", "--", "printf", "<%s>", *words) == "".join(f"<{w}>" for w in words)
    given = subprocess.run(
        argv(stage1, "run", "--stdin", "--", "cat"),
        cwd=stage1.clone.path,
        input="what is typed",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert given.stdout == "what is typed"
    assert stage1.run("run", "--", "env").count("\nSECRET_KEY=") == 1  # as the remedy says


def test_a_command_is_as_confined_as_the_app(stage1: Stack) -> None:
    refused = stage1.run("run", "--", "sudo -n id; cat /etc/app/app.env /etc/shadow", code=1)
    assert "uid=0" not in refused and refused.count("Permission denied") == 2
    assert "NoNewPrivs:\t1" in stage1.run("run", "--", "grep NoNewPrivs /proc/self/status")


def test_an_interrupt_ends_the_command_on_the_server(stage1: Stack) -> None:
    running = started(stage1, "run", "--", "echo begun; exec sleep 1234")
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    assert running.communicate()[0] == "Stopped, on its server as well.\n"
    assert running.returncode == 130
    stage1.run("ssh", "--", "pgrep -xf 'sleep 1234'", code=1)


def test_shell_and_console_are_interactive(stage1: Stack) -> None:
    said = on_a_terminal(stage1, "shell", [("$ ", "test -t 0 && id -un; exit 3")])
    assert "\rapp\r" in said and said.endswith("exit code 3")
    lines = [
        (">>> ", "from django.conf import settings; print('is', settings.DEBUG)"),
        ("is False", "exit()"),
    ]
    said = on_a_terminal(stage1, "console", lines)
    assert said.endswith("exit code 0")


def test_processes_and_their_restart(stage1: Stack) -> None:
    processes = {process["unit"]: process for process in json.loads(stage1.run("ps", "--json"))}
    assert [*processes] == ["web@8001.service", "web@8002.service", "worker@worker.1.service"]
    assert all(
        process["state"] == "active" and process["memory_mib"] > 10
        for process in processes.values()
    )
    assert stage1.run("ps").splitlines()[0].split() == [
        "PROCESS",
        "STATE",
        "UP",
        "RESTARTS",
        "MEMORY",
    ]
    ids = pids(stage1)
    said = stage1.run("restart", "--", "web")
    assert said.startswith(f"{stage1.name}: restarting web@8001, web@8002, one after the other.\n")
    now = pids(stage1)
    assert now["worker@worker.1.service"] == ids["worker@worker.1.service"]
    assert {now[f"web@{port}.service"] for port in (8001, 8002)}.isdisjoint(ids.values())
    refused = stage1.run("restart", "clock", code=2)
    assert refused.startswith("PROCESS: should be one of web, worker, got 'clock'. ")


def pids(stage1: Stack) -> dict[str, str]:
    units = ["web@8001.service", "web@8002.service", "worker@worker.1.service"]
    line = "for unit do echo $unit $(systemctl show -P MainPID $unit); done"
    said = stage1.run("ssh", "--", "sh", "-c", line, "sh", *units)
    return dict(line.split() for line in said.splitlines())


def test_status_again_and_again(stage1: Stack) -> None:
    watching = started(stage1, "status", "--watch")
    assert watching.stdout is not None
    heads = 0
    seen = []
    while heads < 2:
        seen.append(watching.stdout.readline())
        heads += seen[-1] == f"{stage1.name}: up\n"
    watching.send_signal(signal.SIGINT)
    watching.communicate()
    assert watching.returncode == 0
    assert any(line.startswith("  process web@8001: up ") for line in seen)
    assert any(line.startswith("  disk /data: ") for line in seen)
    assert f"  revision {stage1.outputs()['revision']}\n" in seen


FILL = "for i = 1, 16 do redis.call('SET', 'filler:' .. i, string.rep('x', 1048576)) end"
EMPTY = "return redis.call('DEL', unpack(redis.call('KEYS', 'filler:*')))"


def test_a_full_queue_refuses_jobs_and_status_says_so(stage1: Stack) -> None:
    stage1.up(queue__memory_mib=16)
    url = stage1.outputs()["url"]

    def queue(script: str) -> None:
        stage1.run("ssh", "--", "sudo", valkey.CLI, "EVAL", script, "0")

    try:
        queue(FILL)
        said = stage1.run("status", code=1)
        assert re.search(r"\n  queue: 1\d\d % full, \d\d of 16 MiB\n", said), said
        assert "when it is full, it refuses new jobs and drops none. Run more workers" in said
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{url}/jobs", {})
        assert refused.value.code == 503
        assert "command not allowed when used memory > 'maxmemory'" in refused.value.read().decode()
        queue(EMPTY)
        assert re.search(r"\n  queue: \d+ % full, \d of 16 MiB\n", stage1.run("status"))
        assert fetch(f"{url}/jobs", {})["id"]
    finally:
        stage1.up(queue__memory_mib=None)


def test_logs_in_one_stream(stage1: Stack) -> None:
    following = started(stage1, "logs", "--follow", "--json", "--grep", "Task .* succeeded")
    assert following.stdout is not None
    stage1.get()  # its page gives the worker a job
    record = json.loads(following.stdout.readline())
    following.send_signal(signal.SIGINT)
    following.communicate()
    assert (record["process"], record["unit"]) == ("worker", "worker@worker.1.service")
    assert following.returncode == 0
    every = [
        json.loads(line)["process"]
        for line in stage1.run("logs", "--json", "-n", "5000").splitlines()
    ]
    assert {*every} == {"web", "worker"}
    forged = "\x1b]0;owned\x07"
    stage1.run("run", "--", f"logger -t web-8001 forged; printf '{forged}' | logger -t nginx")
    assert "forged" not in stage1.run("logs", "web", "--since", "1h")
    until("the request in Nginx's log", lambda: "GET /proof.json" in stage1.run("logs", "nginx"))
    assert "owned" not in stage1.run("logs", "nginx")
    assert "Bad pattern" in stage1.run("logs", "--grep", "(", code=1)


def test_maintenance_is_a_page_that_a_deploy_leaves_on(stage1: Stack) -> None:
    url = stage1.outputs()["url"]
    clone, start = stage1.clone, stage1.clone.git("rev-parse", "HEAD")
    stage1.run("maintenance", "on")
    try:
        assert page(f"{url}/proof.json") == (503, "300", True)
        said = stage1.run("status")
        assert f"{stage1.name}: up" in said and "  MAINTENANCE since 20" in said
        clone.git("commit", "--allow-empty", "--quiet", "-m", "a release in maintenance")
        assert "Or is maintenance on?" in stage1.run("up")
        assert page(url) == (503, "300", True)
    finally:
        stage1.run("maintenance", "off")
        clone.git("reset", "--quiet", "--hard", start)
    assert stage1.get()["problem"] is None
    assert json.loads(stage1.run("status", "--json"))["maintenance"] == ""


def page(url: str) -> tuple[int, str | None, bool]:
    """Status, when to come back, and whether it is the page of the maintenance."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
            return answer.status, None, False
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, error.headers["Retry-After"], "Down for maintenance" in text


def test_variables_are_encrypted_and_deployed_at_once(stage1: Stack) -> None:
    file = stage1.clone.path / "stacks" / f"Pulumi.{stage1.name}.yaml"
    secret = "it's $HOME `x` hush-hush"
    run(stage1, "env", "set", "--plain", "--no-up", "LEVEL=3")
    done = subprocess.run(
        [*argv(stage1, "env")[:4], "set", "--stack", stage1.name, "API_KEY", "OTHER=b c"],
        cwd=stage1.clone.path,
        input=f"{secret}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = stage1.run("run", "--", 'printf \'%s|%s|%s\' "$API_KEY" "$OTHER" "$LEVEL"')
    assert said == f"{secret}|b c|3"
    assert "hush-hush" not in done.stdout + done.stderr + file.read_text()
    assert run(stage1, "env", "list") == "API_KEY=[secret]\nLEVEL=3\nOTHER=[secret]\n"
    before = file.read_text()
    refused = run(stage1, "env", "set", "STAGES_STACK=x", code=2)
    assert "should be free of names that the host sets itself, got 'STAGES_STACK'" in refused
    assert file.read_text() == before
    run(stage1, "env", "unset", "API_KEY", "OTHER", "LEVEL", "--no-up")
    assert run(stage1, "env", "list", "--json") == "{}\n"


def test_more_of_a_process(stage1: Stack) -> None:
    """It also deploys the variables that the test above removed."""
    stage1.run("scale", "worker=2")
    units = [process["unit"] for process in json.loads(stage1.run("ps", "--json"))]
    assert units[2:] == ["worker@worker.1.service", "worker@worker.2.service"]
    assert stage1.run("run", "--", "env").count("LEVEL=") == 0
    refused = stage1.run("scale", "clock=1", code=2)
    assert "stages:app.processes" in refused
    stage1.up()


def test_the_database_as_the_app_and_from_above(stage1: Stack) -> None:
    """What the app defines in its own database runs with the app's rights, and shadows nothing."""
    trap = """
        CREATE TABLE trapped (who text);
        CREATE FUNCTION public.pg_database_size(name) RETURNS bigint LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO trapped VALUES (current_user); RETURN 1; END $$;
        ALTER ROLE app SET search_path = public, pg_catalog;
    """
    mend = (
        "ALTER ROLE app RESET search_path; DROP TABLE public.trapped;"
        " DROP FUNCTION public.pg_database_size(name);"
    )
    sql(stage1, trap)
    try:
        database = json.loads(run(stage1, "db", "info", "--json"))
        assert database["database"]["size_bytes"] > 1_000_000
        assert "django_migrations" in str(database["database"]["tables"])
        assert {pool["database"] for pool in database["pools"]} >= {"app_direct"}
        assert database["slow"] and all(query["calls"] for query in database["slow"])
        assert sql(
            stage1, "SELECT count(*) FROM public.trapped; SHOW search_path; SELECT current_user"
        ) == [
            "0",
            "public",
            "app",
        ]
    finally:
        sql(stage1, mend)
    said = run(stage1, "db", "info")
    assert "no one waits for a lock" in said and "  pool app_direct: clients " in said


def sql(stage1: Stack, text: str) -> list[str]:
    """Run SQL in the console; return the lines of its answers, without their frames."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts", "db", "console", "--stack", stage1.name],
        cwd=stage1.clone.path,
        input=f"\\pset format unaligned\n\\pset tuples_only on\n{text};\n",
        capture_output=True,
        text=True,
        check=True,
    )
    noise = ("Output format", "Tuples only", "CREATE", "ALTER", "DROP")
    return [line for line in done.stdout.splitlines() if line and not line.startswith(noise)]


def test_a_failed_deploy_leaves_no_trace_and_a_rollback_needs_no_build(stage1: Stack) -> None:
    clone, file = stage1.clone, stage1.clone.path / "stacks" / f"Pulumi.{stage1.name}.yaml"
    stage1.up()
    first, start = stage1.outputs()["revision"], clone.git("rev-parse", "HEAD")
    try:
        clone.git("commit", "--allow-empty", "--quiet", "-m", "a second release")
        second = clone.git("rev-parse", "HEAD")
        assert f"stages:app.revision is {second} now." in stage1.run("deploy", "--revision", second)
        procfile = clone.path / "examples/django/Procfile"
        procfile.write_text(procfile.read_text().replace("release: ", "release: exit 9; "))
        clone.git("commit", "--quiet", "-am", "a release that fails")
        before = file.read_text()
        said = stage1.run("deploy", "--revision", clone.git("rev-parse", "HEAD"), code=1)
        assert "the release command failed (exit code 9)" in said
        assert file.read_text() == before
        stage1.run("up")
        assert stage1.get()["revision"] == stage1.outputs()["revision"] == second
        releases = json.loads(stage1.run("releases", "--json"))
        assert [release["current"] for release in releases].count(True) == 1 and releases[0][
            "commit"
        ] == second
        assert "No migrations to apply" in stage1.run("releases", "--log", second[:12])
        said = stage1.run("rollback")
        assert f"rolling back from {second[:12]} to {first[:12]}" in said
        assert stage1.get()["revision"] == first
        assert f'stages:app.revision: "{first}"' in file.read_text()
        until("the other processes to follow", stage1.rested)
        ids = pids(stage1)
        stage1.run("up")
        assert pids(stage1) == ids and stage1.outputs()["revision"] == first
        again = stage1.run("rollback", "--to", first[:8], code=2)
        assert again.startswith("REVISION: should be another than the current one, got ")
        third = clone.git("commit-tree", f"{second}^{{tree}}", "-p", second, "-m", "a third")
        gone = stage1.run("rollback", "--to", third[:12], code=2)
        assert gone.endswith("brings up one that is not on the server.\n")
        stage1.run("deploy", "--revision", third)
        assert stage1.get()["revision"] == third
    finally:
        clone.git("reset", "--quiet", "--hard", start)
        stage1.up()
