"""The sample app's own tests, with exactly the packages and servers that a host has."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

APP = Path(__file__).parents[2] / "examples" / "django"
HANG_S = 600
"""They take about 50 s on two cores; the rest is for a machine that does other things too."""


@pytest.fixture
def debian(host_image: Path, tmp_path: Path) -> DebianTree:
    tree = DebianTree(host_image, tmp_path)
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(APP, tmp_path / "upper" / "srv" / "app", ignore=ignored)
    (tmp_path / "upper" / "srv").chmod(0o755)
    return tree


def test_the_apps_own_tests_pass_on_debian_13(debian: DebianTree) -> None:
    done = debian.run("cd /srv/app && python3 manage.py test", timeout_s=HANG_S)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.search(r"^Ran (\d+) tests in .*\n\n(.+)$", done.stderr, re.MULTILINE)
    written = sum(
        len(re.findall(r"^ +def test_", file.read_text(), re.MULTILINE))
        for file in (APP / "tests").glob("test_*.py")
    )
    assert ran, done.stderr
    assert (int(ran[1]), ran[2]) == (written, "OK"), "some were not found, or were skipped"
