"""What a release links from the others: hashed assets alone, and never what others linked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from components.host.agent import assets
from components.host.nginx import HASHED


def write(release: Path, *names: str) -> None:
    for name in names:
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(release.name)


def share(folder: Path, *releases: str) -> None:
    """Let the first of the releases serve the assets of the others."""
    words = ["/bin/bash", "-c", assets.SHARE, "share-assets", assets.HASHED, *releases]
    subprocess.run(words, cwd=folder, check=True)


def assets_of(release: Path) -> set[str]:
    return {
        str(path.relative_to(release))
        for path in release.rglob("*")
        if path.is_file() and path.name != ".stages-assets"
    }


@pytest.mark.parametrize(
    "name",
    [
        "staticfiles/app.55e7cbb9ba48.css",
        "staticfiles/app.55e7cbb9ba48.css.gz",
        "public/assets/application-1a2b3c4d.css",
        f"public/assets/application-{'ab' * 32}.js",
        "public/assets/app bold-1a2b3c4d.woff2",
        "client/dist/assets/index-BcD3fG_1.js",
        "build/static/js/main.8e0d62a10ea5b4b2.js",
        ".next/static/chunks/123-0a1b2c3d4e5f6789.js",
    ],
)
def test_an_asset_with_a_hash_stays_reachable(tmp_path: Path, name: str) -> None:
    write(tmp_path / "old", name)
    write(tmp_path / "new", "Procfile")
    share(tmp_path, "new", "old")
    assert (tmp_path / "new" / name).read_text() == "old"
    assert re.search(HASHED.removeprefix('~ "').removesuffix('"'), f"/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "public/robots.txt",
        "public/report-2026.pdf",
        "dist/migrations/1699999999999-AddUsers.js",
        "src/client-1a2b3c4d.js",
        f"public/assets/.sprockets-manifest-{'ab' * 16}.json",
        f"public/assets/manifest-{'ab' * 16}.json",
        "node_modules/x/public/a-1a2b3c4d.js",
        "vendor/bundle/ruby/x/public/a-1a2b3c4d.js",
        ".venv/lib/x/static/a-1a2b3c4d.js",
    ],
)
def test_anything_else_is_the_releases_own(tmp_path: Path, name: str) -> None:
    write(tmp_path / "old", name)
    write(tmp_path / "new", "Procfile")
    share(tmp_path, "new", "old")
    assert assets_of(tmp_path / "new") == {"Procfile"}


def test_a_file_of_its_own_is_kept(tmp_path: Path) -> None:
    for name in ("old", "new"):
        write(tmp_path / name, "public/a-1a2b3c4d.js")
    share(tmp_path, "new", "old")
    assert (tmp_path / "new/public/a-1a2b3c4d.js").read_text() == "new"


def test_a_release_that_is_gone_takes_its_assets_with_it(tmp_path: Path) -> None:
    write(tmp_path / "one", "public/a-00000001.js")
    write(tmp_path / "two", "public/a-00000002.js")
    write(tmp_path / "three", "public/a-00000003.js")
    share(tmp_path, "two", "one")
    share(tmp_path, "three", "two")  # `one` has been removed
    assert assets_of(tmp_path / "three") == {"public/a-00000002.js", "public/a-00000003.js"}


def test_a_rollback_has_the_assets_of_the_newer_release(tmp_path: Path) -> None:
    write(tmp_path / "one", "public/a-00000001.js")
    write(tmp_path / "two", "public/a-00000002.js")
    share(tmp_path, "two", "one")
    share(tmp_path, "one", "two")
    share(tmp_path, "one", "two")  # once more, as after a run that was killed
    assert assets_of(tmp_path / "one") == {"public/a-00000001.js", "public/a-00000002.js"}
