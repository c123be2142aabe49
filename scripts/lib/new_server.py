"""Asks the app server that serves whether it, or the one that would replace it, could install the
packages of the settings.

A first boot that fails costs stage 1 its healthy server, and stage 2 minutes; on the server that
stays a package that is not there fails in the middle of a run. Packages that the server has are not
asked about; for others its package index is, and no one's record of what is installed: a new server
has none of it. Nothing on the server is changed: a newer index is read into a folder that goes.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from components.errors import UserError, invalid
from components.seam import downtime
from scripts.lib import ssh

TIMEOUT_S = 90
"""For the login, an update of the package index, and two answers of apt's."""
REFUSED = 3
NOT_ASKED = 4
SCRIPT = f"""\
export LC_ALL=C
lacking=
for name; do
  [ "$(dpkg-query -W -f '${{db:Status-Status}}' -- "$name" 2>/dev/null)" = installed ] ||
    lacking="$lacking $name"
done
[ "$lacking" ] || exit 0
lists=/var/lib/apt/lists
could() {{
  apt-get -qq --simulate -o Dir::State::Lists="$lists" -o Dir::State::status=/dev/null \\
    -o Dir::Cache::pkgcache= --no-install-recommends install -- "$@" 2>&1
}}
could "$@" >/dev/null && exit 0
lists=$(mktemp -d) && trap 'sudo -n rm -rf "$lists"' EXIT && chmod 755 "$lists" || exit {NOT_ASKED}
sudo -n apt-get -qq --error-on=any -o Dir::State::Lists="$lists" -o APT::Sandbox::User=root \
  update >/dev/null 2>&1 || exit {NOT_ASKED}
said=$(could "$@") && exit 0
printf '%s\\n' "$said"
exit {REFUSED}
"""


def packages(steps: Iterable[downtime.Step]) -> tuple[str, ...]:
    """The packages of a server that the plan makes or replaces, or to which it adds some."""
    for step in steps:
        if step.type == downtime.HOST and step.op in {"create", "replace", "update"}:
            wanted, installed = step.new.get("packages") or (), step.old.get("packages") or ()
            if step.op != "update" or set(wanted) - set(installed):
                return tuple(wanted)
    return ()


def check(
    wanted: tuple[str, ...],
    app_packages: Sequence[str],
    way_in: Mapping[str, Any],
    stack: str,
    say: Callable[[str], None],
) -> None:
    """Raise ``UserError`` for packages that cannot be installed; say so where nobody could tell.

    ``way_in``: outputs that lead to the app server, empty where there is none.
    """
    if not wanted or not way_in:
        return
    command = shlex.join(["sh", "-c", SCRIPT, "sh", *wanted])
    done = ssh.run(way_in, [command], timeout_s=TIMEOUT_S, capture=True)
    if done.returncode == REFUSED:
        raise _refusal(done.stdout, app_packages, stack)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["its package index cannot be read"])[-1]
        say(f"Could not check whether the packages can be installed ({why}).")


def _refusal(output: str, app_packages: Sequence[str], stack: str) -> UserError:
    """Name the packages of the settings that apt named, and what it said of them."""
    lines = [line.removeprefix("E: ") for line in output.splitlines() if line.strip()]
    words = {word.strip("'\",.;") for line in lines for word in line.split()}
    named = [name for name in app_packages if name in words]
    reason = next((line for line in lines if set(line.split()) & set(named)), lines[-1])
    return invalid(
        "stages:app.packages",
        f"packages that Debian has and that can be installed together ({reason})",
        ", ".join(named) or list(app_packages),
        f"Correct them: `make ssh STACK={stack}`, then `apt-cache search WORD`, finds a name. "
        "Nothing was changed.",
    )
