"""What tests on real hosts share: the host image, and a root folder of their own for stacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components.clouds.local import image
from scripts.lib.pulumi_cli import cache_folder

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
    """Build the language host once on this machine (half a minute)."""
    folder = cache_folder("3.78.0").with_name("language-host-3.78.0")
    if (folder / "pulumi-language-python-exec").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for argv in (
        ["go", "build", "-o", str(folder / "pulumi-language-python"), LANGUAGE_PACKAGE],
        ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"],
    ):
        built = subprocess.run(argv, cwd=LANGUAGE_HOST, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
    starter = Path(built.stdout.strip()) / "python/cmd/pulumi-language-python-exec"
    shutil.copy(starter, folder / starter.name)
    (folder / starter.name).chmod(0o755)
    return folder
