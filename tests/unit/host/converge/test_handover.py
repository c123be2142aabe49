"""What one server gives, another takes: the same files, and nothing of what was there before."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import pytest

from components.host.agent.handover import give, take
from components.host.agent.report import Failed


def test_a_folder_arrives_as_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "acme", tmp_path / "new" / "acme"
    (old / "archive").mkdir(parents=True)
    (old / "archive").chmod(0o700)
    (old / "archive" / "privkey1.pem").write_bytes(b"\0key")
    (old / "archive" / "privkey1.pem").chmod(0o600)
    (old / "live").mkdir()
    (old / "live" / "privkey.pem").symlink_to("../archive/privkey1.pem")
    new.mkdir(parents=True)
    (new / "of-before").touch()

    packed = give({"folder": str(old)})["packed"]
    assert take({"folder": str(new), "packed": packed}) == {"taken": str(new)}

    assert (new / "live" / "privkey.pem").read_bytes() == b"\0key"
    assert str((new / "live" / "privkey.pem").readlink()) == "../archive/privkey1.pem"
    modes = [(new / name).stat().st_mode & 0o777 for name in ("archive", "archive/privkey1.pem")]
    assert modes == [0o700, 0o600]
    assert sorted(path.name for path in new.iterdir()) == ["archive", "live"]
    assert [path.name for path in new.parent.iterdir()] == ["acme"]


def test_a_server_that_has_nothing_gives_nothing(tmp_path: Path) -> None:
    assert give({"folder": str(tmp_path / "none")}) == {"packed": ""}


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE])
@pytest.mark.parametrize("target", ["absolute", "../../outside"])
def test_what_is_given_changes_nothing_outside_of_its_folder(
    tmp_path: Path, kind: bytes, target: str
) -> None:
    outside, new = tmp_path / "outside", tmp_path / "new" / "acme"
    outside.write_text("secret")
    outside.chmod(0o600)
    new.mkdir(parents=True)
    (new / "kept").touch()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("inside")
        member.type, member.mode, member.uid = kind, 0o666, 60601
        member.linkname = str(outside) if target == "absolute" else target
        tar.addfile(member)
    given = {"folder": str(new), "packed": base64.b64encode(packed.getvalue()).decode()}
    with pytest.raises(Failed, match="does not give a folder"):
        take(given)
    assert outside.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in new.iterdir()] == ["kept"]
