"""One session of work on a host; whatever keeps it from coming about is told in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any

from components.errors import HostUnreachable, StepFailed
from components.remote import engine_log, ssh
from components.remote.power import route, server_state
from components.remote.session import HostFailed, perform

engine_log.without_tracebacks()


def work(
    props: Mapping[str, Any],
    document: dict[str, Any],
    *,
    deadline_s: float,
    wait_s: float,
    archive: Callable[[IO[bytes]], None] | None = None,
    note: Callable[[str], None] | None = None,
    step: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Have the host do what the document says; return what it answers.

    ``props`` say where it is and who asks: ``stack``, ``cloud``, ``server_id``, ``ssh_host``,
    ``ssh_host_key``, ``login``, ``private_key``. ``note`` hears what the operator should know, and
    ``step`` what the host does; by default the engine's log does.
    """
    way = route(props["cloud"], props["server_id"], props["ssh_host"])
    host = way.host
    target = ssh.target(
        way,
        host_key=props["ssh_host_key"],
        login=props["login"],
        private_key=props["private_key"] or "",
    )
    try:
        return perform(
            target,
            document,
            status=step or (lambda text: engine_log.status(f"{host}: {text}")),
            note=lambda text: (note or engine_log.info)(f"{host}: {text}"),
            output=lambda lines: engine_log.output(host, lines),
            deadline_s=deadline_s,
            wait_s=wait_s,
            archive=archive,
        )
    except HostFailed:
        raise
    except ssh.HostKeyChanged as error:
        raise StepFailed(
            f"{host}: {error}: it is another machine, or someone is in between",
            "If you replaced it yourself, replace the server through its stack as well.",
        ) from error
    except ssh.LoginRefused as error:
        raise HostUnreachable(
            f"{host}: refuses the login {target.login} ({error})",
            "Offer a key of stages:access.ssh_keys: `ssh-add` it, or name it in ~/.ssh/config.",
        ) from error
    except ssh.Interrupted as error:
        raise StepFailed(
            f"{host}: the session ended in the middle of the work ({error})",
            "Run it again: it finishes or undoes what was begun.",
        ) from error
    except ssh.SshError as error:
        if (state := server_state(props["cloud"], props["server_id"])) != "running":
            stack = props.get("stack", "...")  # unknown to a state from before it was recorded
            raise StepFailed(
                f"{host}: its server is {state}: someone or something else did that",
                f"`make refresh STACK={stack}` takes note of it, `make up STACK={stack}` then "
                "brings it back.",
            ) from error
        raise HostUnreachable(
            f"{host}: no answer over SSH ({error})",
            "It may be down or cut off; is this machine in stages:access.ssh_cidrs?",
        ) from error
