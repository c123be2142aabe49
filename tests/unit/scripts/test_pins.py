"""Which versions are pinned, and which a machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lib import pins

ROOT = Path(__file__).resolve().parents[3]


def test_a_pin_is_read_with_its_exact_name() -> None:
    text = "pulumi-aws==7.1.0 \\\n    --hash=sha256:aa\npulumi==3.259.0 \\\n    --hash=sha256:bb\n"
    assert pins.pinned_version(text, "pulumi") == "3.259.0"
    assert pins.pinned_version(text, "pulumi-aws") == "7.1.0"
    with pytest.raises(LookupError, match="should pin ulumi"):
        pins.pinned_version(text, "ulumi")


def test_the_cli_that_is_built_is_the_one_that_is_pinned() -> None:
    version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
    modules = (ROOT / "tools" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{version} " in modules
    assert f"github.com/pulumi/pulumi/sdk/v3 v{version} " in modules


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("v3.259.0\n", "3.259.0"),
        ("3.259.0", "3.259.0"),
        ("v3.260.0-dev.1", "3.260.0-dev.1"),
        ("", ""),
        ("warning: a new version\nv3.259.0", ""),
    ],
)
def test_the_version_that_a_cli_tells(output: str, version: str) -> None:
    assert pins.cli_version(output) == version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.19.8 linux/amd64", (1, 19)),
        ("go version devel go1.27-abc linux/amd64", (1, 27)),
        ("", (0, 0)),
    ],
)
def test_the_version_that_go_tells(output: str, version: tuple[int, int]) -> None:
    assert pins.go_version(output) == version


def test_an_environment_is_another_one_when_any_part_differs() -> None:
    fingerprint = pins.fingerprint("requirements", "3.11", "/a")
    assert fingerprint == pins.fingerprint("requirements", "3.11", "/a")
    others = [("requirements2", "3.11", "/a"), ("requirements", "3.13", "/a")]
    others += [("requirements", "3.11", "/b"), ("requirements3", ".11", "/a")]
    assert fingerprint not in [pins.fingerprint(*parts) for parts in others]
