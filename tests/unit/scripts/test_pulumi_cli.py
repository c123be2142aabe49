"""Where the Pulumi CLI comes from."""

from __future__ import annotations

import io
import platform
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from components.errors import UserError
from scripts.lib import pulumi_cli

VERSION = "9.8.7"
FAKE = f"#!/bin/sh\necho v{VERSION}\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a PATH with nothing on it but the shell's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path / "cache" / "stages" / f"pulumi-{VERSION}"


def put(file: Path, text: str = FAKE) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def offline(url: str) -> bytes:
    raise OSError(f"no way to {url.split('/')[2]}")


def serve(files: dict[str, bytes]) -> Callable[[str], bytes]:
    return lambda url: files[url.rsplit("/", 1)[1]]


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("pulumi/pulumi")
        member.size, member.mode = len(FAKE), 0o755
        tar.addfile(member, io.BytesIO(FAKE.encode()))
    return packed.getvalue()


def test_one_on_path_is_taken_when_its_version_fits(tmp_path: Path) -> None:
    put(tmp_path / "path" / "pulumi")
    assert pulumi_cli.find(VERSION, tmp_path) == tmp_path / "path"


def test_one_in_the_cache_is_taken_without_a_word(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(cache / "bin" / "pulumi")
    put(tmp_path / "path" / "pulumi", "#!/bin/sh\necho v9.8.6\n")
    assert pulumi_cli.find(VERSION, tmp_path) == cache / "bin"
    assert capsys.readouterr().out == ""


def test_a_download_is_checked_unpacked_and_told(
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    name = f"pulumi-v{VERSION}-linux-x64.tar.gz"
    listing = f"{sha256(archive()).hexdigest()}  {name}\n".encode()
    files = {f"pulumi-{VERSION}-checksums.txt": listing, name: archive()}
    monkeypatch.setattr(pulumi_cli, "_fetch", serve(files))
    assert pulumi_cli.find(VERSION, tmp_path) == cache / "bin"
    assert (cache / "bin" / "pulumi").read_text() == FAKE
    output = capsys.readouterr().out.splitlines()
    assert output == [
        f"Pulumi CLI {VERSION}: downloading {name} ...",
        f"Pulumi CLI {VERSION}: downloaded in 0 s.",
    ]


def test_a_download_that_is_not_the_vendors_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    name = f"pulumi-v{VERSION}-linux-x64.tar.gz"
    listing = f"{'0' * 64}  {name}\n".encode()
    files = {f"pulumi-{VERSION}-checksums.txt": listing, name: archive()}
    monkeypatch.setattr(pulumi_cli, "_fetch", serve(files))
    put(tmp_path / "path" / "go", "#!/bin/sh\nexit 1\n")
    with pytest.raises(
        UserError, match=r"checksum of pulumi-v9\.8\.7-linux-x64\.tar\.gz is not the vendor's"
    ):
        pulumi_cli.find(VERSION, tmp_path)
    assert not (cache / "bin").exists()


def test_without_any_way_every_reason_is_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "_fetch", offline)
    put(tmp_path / "path" / "go", "#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    with pytest.raises(UserError) as stopped:
        pulumi_cli.find(VERSION, tmp_path)
    assert str(stopped.value) == (
        "Pulumi CLI 9.8.7: not on PATH, no download (no way to github.com), and Go 1.19 is too old "
        "to build it. Install Pulumi 9.8.7 or Go 1.21 or newer, then run the command again."
    )
    assert stopped.value.exit_code == 2


def test_a_failed_build_is_told_with_its_log(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "_fetch", offline)
    go = '#!/bin/sh\n[ "$1" = version ] && { echo go1.26; exit; }\necho boom >&2; exit 1\n'
    put(tmp_path / "path" / "go", go)
    (tmp_path / "tools").mkdir()
    with pytest.raises(UserError) as stopped:
        pulumi_cli.find(VERSION, tmp_path)
    assert str(stopped.value) == (
        f"Pulumi CLI 9.8.7: the build failed (boom). Its output is in {cache / 'build.log'}."
    )
    assert stopped.value.exit_code == 1
    assert list(cache.glob("bin*")) == []


def test_a_build_names_the_version_and_lands_in_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "_fetch", offline)
    go = (
        '#!/bin/sh\n[ "$1" = version ] && { echo go1.26; exit; }\n'
        'echo "$@" > arguments; while [ "$1" != -o ]; do shift; done\n'
        'mkdir -p "$(dirname "$2")"; echo built > "$2"\n'
    )
    put(tmp_path / "path" / "go", go)
    (tmp_path / "tools").mkdir()
    assert pulumi_cli.find(VERSION, tmp_path) == cache / "bin"
    assert (cache / "bin" / "pulumi").read_text() == "built\n"
    arguments = (tmp_path / "tools" / "arguments").read_text()
    assert f"-X {pulumi_cli.VERSION_VARIABLE}=v9.8.7" in arguments


@pytest.mark.parametrize(
    ("system", "processor", "name"),
    [
        ("linux", "x86_64", "pulumi-v1.2.3-linux-x64.tar.gz"),
        ("linux", "aarch64", "pulumi-v1.2.3-linux-arm64.tar.gz"),
        ("darwin", "arm64", "pulumi-v1.2.3-darwin-arm64.tar.gz"),
        ("linux", "riscv64", ""),
        ("freebsd", "amd64", ""),
    ],
)
def test_the_vendors_archive_for_a_machine(system: str, processor: str, name: str) -> None:
    assert pulumi_cli.archive_name("1.2.3", system, processor) == name


def test_a_checksum_is_found_by_the_whole_name() -> None:
    listing = "aa  pulumi.tar.gz.sig\nBB *pulumi.tar.gz\n"
    assert pulumi_cli.checksum_for(listing, "pulumi.tar.gz") == "bb"
    assert pulumi_cli.checksum_for(listing, "pulumi.tar") == ""
