"""What tests on real hosts share: the host image, and a root folder of their own for stacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components.clouds.local.hosts import image
from tests.support import go_tools

LANGUAGE_HOST = Path(__file__).with_name("language_host")
LANGUAGE_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"


@pytest.fixture(scope="session")
def host_image() -> Path:
    """The real image, built once on this machine; ``STAGES_TEST_IMAGE`` names another folder."""
    given = os.environ.get("STAGES_TEST_IMAGE")
    return Path(given) if given else image.ensure()


@pytest.fixture
def local_root(host_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder for this test's stacks, with the image in its place."""
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    image.folder().parent.mkdir()
    image.folder().symlink_to(host_image)
    return tmp_path


@pytest.fixture(scope="session")
def language_host() -> Path:
    """The folder with the language host and what starts Python; built once (half a minute)."""
    folder = go_tools.built(LANGUAGE_HOST, {"pulumi-language-python": LANGUAGE_PACKAGE})
    starter = folder / "pulumi-language-python-exec"
    if not starter.exists():
        argv = ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"]
        listed = subprocess.run(argv, cwd=LANGUAGE_HOST, capture_output=True, text=True, check=True)
        shutil.copy(Path(listed.stdout.strip()) / "python/cmd" / starter.name, starter)
        starter.chmod(0o755)
    return folder
