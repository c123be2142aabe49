"""A build that fails is told whole: on the screen while it runs, in the error, and in two files."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.real.faults.product import Product

pytestmark = pytest.mark.real

BUILD = (
    "echo first line; printf '\\033]0;owned\\007\\n::error::forged\\n'; seq 1 40; "
    'python3 -c "import no_such_module"'
)


def test_a_traceback_of_the_apps_own_is_told_with_host_step_and_remedy(
    products: dict[int, Product],
) -> None:
    product = products[1]
    product.stack.configure(app__build=BUILD)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "scripts", "up", "--stack", product.stack.name],
            cwd=product.stack.clone.path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        product.stack.configure(app__build=None)
    assert done.returncode == 1, done.stdout
    streamed, error = done.stdout, done.stderr
    assert re.search(r"^    10\.91\.61\.\d+ \| first line$", streamed, re.MULTILINE), streamed
    place = re.search(
        r"app: release [0-9a-f]{12}: the build failed \(exit code 1\)\. The old release was not "
        r"touched\. On the host all of it is in (/var/log/stages/\S+-build\.log)\. Here it is in "
        r"(\.stages/logs/host-\S+\.log)\.\n",
        error,
    )
    assert place, error
    assert "\n  | Traceback (most recent call last):\n" in error
    assert error.endswith("  | ModuleNotFoundError: No module named 'no_such_module'\n")
    here = (product.stack.clone.path / place[2]).read_text()
    there = product.app.run(["cat", place[1]]).stdout
    assert "\x1b]0;owned" in there and here.startswith("first line\n\\u{1b}]0;owned")
    for text in (here, streamed, error):
        assert "\x1b" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert product.app.run(["stat", "-c", "%a %U", "/var/log/stages"]).stdout == "700 root\n"
    assert product.answers()
