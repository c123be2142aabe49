"""Services that packages bring and the stage does not run: they stay off.

Debian enables what a package brings. Kept from starting while it is installed, it would take its
port at the next boot. Looked at is what was installed after the image, and only as far as the
document's packages reach: what a vendor puts on its servers is the vendor's.
"""

from __future__ import annotations

import re

from components.host.agent import units
from components.host.agent.files import STATE
from components.host.agent.report import Failed, note, run, step

OF_IMAGE = STATE / "image-packages"
"""The packages that were there before any of the document's; the first boot writes it."""
_FIELDS = (
    "${db:Status-Status}\t${Package}\t${Provides}\t${Pre-Depends}, ${Depends}, ${Recommends}\n"
)
_UNIT = re.compile(r"(?:/usr)?/lib/systemd/system/([^/@]+\.(?:service|socket))")


def remember_image() -> None:
    """Note what is installed, on a host whose first boot did not."""
    if not OF_IMAGE.exists():
        STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
        OF_IMAGE.write_text(run(["dpkg-query", "-W", "-f=${Package}\n"]).output)


def keep_off(packages: list[str], own: list[str]) -> None:
    """Disable and stop every service that the packages brought, but for the stage's own units."""
    new = _reached(packages) - set(OF_IMAGE.read_text().split())
    if not new:
        return
    listed = run(["dpkg-query", "-L", *sorted(new)]).output.splitlines()
    names = {match[1] for line in listed if (match := _UNIT.fullmatch(line))} - set(own)
    on = [name for name in sorted(names) if units.state(name).get("UnitFileState") == "enabled"]
    for name in on:
        step(f"disable {name}")
        done = run(["systemctl", "disable", "--now", "--quiet", "--", name])
        if not done.ok:
            raise Failed(name, f"cannot be disabled: {done.last_line()}")
        note(f"{name}: came with a package and is off: the stage does not run it")


def _reached(packages: list[str]) -> set[str]:
    """Installed packages that these are or need, by dependency or recommendation."""
    needs: dict[str, set[str]] = {}
    providers: dict[str, set[str]] = {}
    for line in run(["dpkg-query", "-W", f"-f={_FIELDS}"]).output.splitlines():
        status, name, provides, depends = line.split("\t")
        if status == "installed":
            needs[name] = _names(depends)
            for capability in {name, *_names(provides)}:
                providers.setdefault(capability, set()).add(name)
    reached: set[str] = set()
    ahead = set(packages)
    while ahead:
        here = {package for name in ahead for package in providers.get(name, ())} - reached
        reached |= here
        ahead = {need for name in here for need in needs[name]}
    return reached


def _names(relations: str) -> set[str]:
    """The names in ``a (>= 1) | b:any, c``."""
    words = (relation.split() for relation in re.split(r"[,|]", relations))
    return {word[0].partition(":")[0] for word in words if word}
