"""What AWS does not see from outside, memory, disks and troubles, sent by the host itself.

Debian has no agent of AWS's; a timer with Python's own library does it. Only with alarms: each
metric costs $0.30 a month (docs/costs.md), and without them the host has no right to send any.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms
from components.host.model import HostFile, Part, Service
from components.host.rendering import environment

FILES = Path(__file__).parent / "files"
SCRIPT = "/usr/local/lib/stages/host-metrics"
UNIT = "host-metrics.service"
TIMER = "host-metrics.timer"


def parts(ctx: Context, data_mount: str | None) -> tuple[Part, ...]:
    """The timer, its service and script; none without alarms."""
    if not ctx.settings.alarms.wanted:
        return ()
    disks = {alarms.DISK_METRIC: "/"}
    if data_mount is not None:
        disks[alarms.DATA_METRIC] = data_mount
    command = [SCRIPT, alarms.namespace(ctx), alarms.MEMORY_METRIC, alarms.TROUBLES_METRIC]
    command += [f"{metric}={mount}" for metric, mount in disks.items()]
    unit = environment(FILES).get_template(f"{UNIT}.j2").render(command=shlex.join(command))
    systemd = "/etc/systemd/system"
    timer = HostFile(path=f"{systemd}/{TIMER}", content=(FILES / TIMER).read_text())
    return (
        Part(
            files=(
                HostFile(path=SCRIPT, content=(FILES / "host_metrics.py").read_text(), mode="0755"),
                HostFile(path=f"{systemd}/{UNIT}", content=unit),
                timer,
            ),
            services=(Service(unit=TIMER, restart_on=(timer.path,)),),
        ),
    )
