"""What an app that is taken over can do on its host, with the app's own deploys as its lever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.clouds.local.nspawn import Host
from tests.real.clone import Stack
from tests.real.stages.intruder import app_host, as_root, inside

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


@pytest.fixture
def host(stage1: Stack) -> Iterator[Host]:
    """Stage 1's host; what a test planted is gone afterwards."""
    yield (found := app_host(stage1))
    as_root(found, "rm -rf /var/lib/app/.local /var/lib/app/seen")


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
