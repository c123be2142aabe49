"""Copy the files of an app's users from a folder or a bucket to another, or what has changed.

Run on a stage 1 server, as the app and with nothing of the server in sight but the folder
(``components/host/agent/promotion_files.py``). What is to be done comes in on standard input;
progress, a result or an error goes out in lines of JSON.

Whoever took over the app chose every name here. No symbolic link is followed, and a key that is no
path below the folder stays in its bucket.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mimetypes
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

AT_ONCE = 4
CHUNK = 1024 * 1024
PART = 8 * CHUNK
TELL_S = 2
SLACK_S = 5
"""S3 tells whole seconds, and two clocks are compared."""
GONE = {"404", "NoSuchKey", "NotFound"}
HALF = ".stages-half-"
"""How a file begins to be called that has not arrived whole."""
PR_SET_DUMPABLE = 4
KEY_BYTES = 1024
"""The longest key of S3. A folder below that is not entered: each level takes a descriptor."""
KEPT_FREE = 2 * 1024**3
"""What stays free for PostgreSQL on the volume of ``STORAGE_DIR``, or a tenth of it."""
NO_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EILSEQ}
FULL = {errno.ENOSPC, errno.EDQUOT}
VOLUME = (
    "Delete something there, or raise stages:data.volume_gib of stage 1 and bring it up (on `local`"
    " the file system grows at the host's next start); or --without-files leaves the files."
)

UNLISTED = (
    "Run it again. An object whose name has a control character may be the cause. Delete it; or"
    " --without-files leaves all files."
)


class Unfit(Exception):
    """A name that cannot be had on the other side, or a folder there that its owner has closed."""


class Refused(Exception):
    """What ends the copy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class Item:
    """A file or an object."""

    key: str
    size: int
    changed: float
    version: str
    """What is no longer the same when the content is another."""


class Folder:
    """``STORAGE_DIR``: names are bytes, keys are text."""

    def __init__(self, path: str, *, tidy: bool = False) -> None:
        self.path = path
        self.tidy = tidy
        """Whether to delete what a run that was killed has left half."""
        self.unfit: list[str] = []
        """Names that are no keys."""
        self.failed: list[str] = []
        """What could not be looked at."""

    def items(self) -> Iterator[Item]:
        root = os.fsencode(self.path)
        for folder, folders, names, opened in os.fwalk(root, onerror=self._fail):
            above = (folder + b"/")[len(root) + 1 :]
            for name in names:
                if name.startswith(HALF.encode()):
                    if self.tidy:
                        with contextlib.suppress(OSError):
                            os.unlink(name, dir_fd=opened)
                    continue
                try:
                    known = os.stat(name, dir_fd=opened, follow_symlinks=False)
                except OSError as error:
                    self._fail(error)
                    continue
                if not stat.S_ISREG(known.st_mode):
                    continue
                try:
                    key = (above + name).decode()
                except UnicodeDecodeError:
                    key = ""
                if key and len(above + name) <= KEY_BYTES:
                    yield _of_file(key, known)
                else:
                    self.unfit.append(repr(name))
            room = KEY_BYTES - len(above)
            self.unfit += [repr(name) for name in folders if len(name) >= room]
            folders[:] = [name for name in folders if len(name) < room]

    def _fail(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # deleted since
            self.failed.append(str(error))

    def require_room(self, size: int, files: int = 0) -> None:
        """Refuse what would leave PostgreSQL no room."""
        volume = os.statvfs(self.path)
        kept = min(volume.f_blocks * volume.f_frsize // 10, KEPT_FREE)
        room = max(volume.f_bavail * volume.f_frsize - kept, 0)
        if size > room:
            raise Refused(f"{_mib(size)} to copy, and the volume has {_mib(room)} for it", VOLUME)
        if files > volume.f_favail // 2:
            what = f"{files} files to copy, and the volume has room for {volume.f_favail // 2}"
            raise Refused(what, VOLUME)

    @contextlib.contextmanager
    def read(self, item: Item) -> Iterator[tuple[IO[bytes], Item, dict[str, Any]]]:
        *folders, name = item.key.split("/")
        with _folder(self.path, folders) as opened:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                file = os.open(name, flags, dir_fd=opened)
            except OSError as error:
                if error.errno in {*NO_NAME, errno.ENXIO}:  # a link or a socket by now
                    raise FileNotFoundError(item.key) from error
                raise
            with os.fdopen(file, "rb") as stream:
                known = os.fstat(stream.fileno())
                if not stat.S_ISREG(known.st_mode):
                    raise FileNotFoundError(item.key)
                kind = mimetypes.guess_type(item.key)[0]
                more = {"ContentType": kind} if kind else {}
                yield stream, _of_file(item.key, known), more

    def write(self, item: Item, stream: IO[bytes], _more: dict[str, Any]) -> None:
        """As the app makes files; one that is replaced keeps its mode."""
        parts = item.key.split("/")
        *folders, name = parts
        if any(part in {"", ".", ".."} or "\0" in part for part in parts) or name.startswith(HALF):
            raise Unfit
        half = f"{HALF}{os.urandom(8).hex()}"
        with _fitting(), _folder(self.path, folders, make=True) as opened:
            mode = 0o600
            with contextlib.suppress(FileNotFoundError):
                known = os.stat(name, dir_fd=opened, follow_symlinks=False)
                if stat.S_ISDIR(known.st_mode):
                    raise Unfit
                if stat.S_ISREG(known.st_mode):
                    mode = stat.S_IMODE(known.st_mode) & 0o777
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(half, flags, 0o600, dir_fd=opened), "wb") as target:
                    while chunk := stream.read(CHUNK):
                        self.require_room(len(chunk))
                        target.write(chunk)
                    target.flush()
                    os.fchmod(target.fileno(), mode)
                    os.utime(target.fileno(), (item.changed, item.changed))
                    os.fsync(target.fileno())
                os.replace(half, name, src_dir_fd=opened, dst_dir_fd=opened)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(half, dir_fd=opened)
                raise


class Bucket:
    """A bucket that speaks S3."""

    def __init__(self, known: dict[str, Any], client: Any = None) -> None:
        self.name = known["name"]
        self.unfit: list[str] = []
        self.failed: list[str] = []
        self.ahead_s = 0.0
        """How far its clock is ahead of this server's."""
        self.client = client or _client(known)

    def items(self) -> Iterator[Item]:
        try:
            yield from self._listed()
        except Exception as error:  # each library has its own
            what = f"the bucket {self.name} cannot be listed: {str(error)[:300]}"
            raise Refused(what, UNLISTED) from error

    def _listed(self) -> Iterator[Item]:
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            self._set_clock(page)
            for known in page.get("Contents", []):
                if not (known["Key"].endswith("/") and known["Size"] == 0):  # a folder's mark
                    changed = known["LastModified"].timestamp() - self.ahead_s
                    yield Item(known["Key"], known["Size"], changed, _tag(known["ETag"]))

    @contextlib.contextmanager
    def read(self, item: Item) -> Iterator[tuple[IO[bytes], Item, dict[str, Any]]]:
        try:
            answer = self.client.get_object(Bucket=self.name, Key=item.key)
        except Exception as error:
            if _code(error) in GONE:
                raise FileNotFoundError(item.key) from error
            raise
        self._set_clock(answer)
        changed = answer["LastModified"].timestamp() - self.ahead_s
        now = Item(item.key, answer["ContentLength"], changed, _tag(answer["ETag"]))
        kept = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentType", "Metadata")
        with contextlib.closing(answer["Body"]) as stream:
            yield stream, now, {name: answer[name] for name in kept if answer.get(name)}

    def require_room(self, size: int, files: int) -> None:
        """A bucket has room."""

    def write(self, item: Item, stream: IO[bytes], more: dict[str, Any]) -> None:
        from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]

        config = TransferConfig(
            multipart_threshold=PART, multipart_chunksize=PART, use_threads=False
        )
        self.client.upload_fileobj(stream, self.name, item.key, ExtraArgs=more, Config=config)

    def _set_clock(self, answer: dict[str, Any]) -> None:
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        with contextlib.suppress(ValueError):
            self.ahead_s = parsedate_to_datetime(date).timestamp() + 0.5 - time.time()


class Copied:
    """What has gone over, for the next run: a line for each file, also where this one is killed."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.versions: dict[str, str] = {}
        self._lock = threading.Lock()
        with contextlib.suppress(FileNotFoundError):
            for line in Path(file).read_text().splitlines():
                with contextlib.suppress(ValueError):
                    key, version = json.loads(line)
                    self.versions[key] = version

    def add(self, item: Item) -> None:
        with self._lock, Path(self.file).open("a") as stream:
            stream.write(json.dumps([item.key, item.version]) + "\n")


class Move:
    """One copy of what is missing or other on the other side. Nothing is deleted there."""

    def __init__(
        self,
        source: Folder | Bucket,
        target: Folder | Bucket,
        copied: Copied,
        known: dict[str, Any],
    ) -> None:
        self.source, self.target, self.copied = source, target, copied
        self.since = float(known["since"])
        """When the app moved: from then on the target has writes of its own. 0: not yet."""
        self.only_since = bool(known["only_since"])
        self.files = self.bytes = self.failed = 0
        self.why = ""
        self.unfit: list[str] = []
        self.refused: Refused | None = None
        self._lock = threading.Lock()

    def run(self) -> dict[str, Any]:
        there = {item.key: item for item in self.target.items()}
        todo = [item for item in self.source.items() if self.lacks(item, there.get(item.key))]
        size = sum(item.size for item in todo)
        self.unfit += self.source.unfit
        self.failed = len(self.source.failed)
        self.why = "".join(self.source.failed[:1])[:300]
        self.target.require_room(size, len(todo))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            runs = [pool.submit(self.copy, item) for item in todo]
            while wait(runs, TELL_S).not_done:
                tell(files=self.files, of=len(todo), bytes=self.bytes, of_bytes=size)
        for run in runs:
            run.result()
        if self.refused:
            raise self.refused
        known = {"copied": self.files, "bytes": self.bytes, "failed": self.failed}
        return {**known, "unfit": len(self.unfit), "such_as": self.unfit[:1], "why": self.why}

    def lacks(self, item: Item, there: Item | None) -> bool:
        """Whether the target has no such file, or an older one."""
        if self.only_since and item.changed < self.since - SLACK_S:
            return False
        is_known = self.copied.versions.get(item.key) == item.version
        if there is None:
            return not (self.since and is_known)  # it was deleted there
        if is_known and there.size == item.size:
            return False
        is_own = self.since and there.changed >= self.since  # the app's, where it is now
        return not (is_own and there.changed >= item.changed)

    def copy(self, item: Item) -> None:
        if self.refused:
            return
        try:
            with contextlib.ExitStack() as opened:
                try:
                    stream, now, more = opened.enter_context(self.source.read(item))
                except FileNotFoundError:
                    return  # deleted since, or a link in its place
                self.target.write(now, stream, more)
            self.copied.add(now)
        except Unfit:
            with self._lock:
                self.unfit.append(repr(item.key))
        except Refused as error:
            self.refused = error
        except Exception as error:  # each library has its own; the others still go over
            if getattr(error, "errno", 0) in FULL:
                self.refused = Refused("the volume is full", VOLUME)
            with self._lock:
                self.failed += 1
                self.why = self.why or f"{item.key[:100]!r}: {str(error)[:300]}"
        else:
            with self._lock:
                self.files += 1
                self.bytes += now.size


def _of_file(key: str, known: os.stat_result) -> Item:
    version = f"{known.st_size} {known.st_mtime_ns} {known.st_ctime_ns} {known.st_ino}"
    return Item(key, known.st_size, known.st_mtime, version)


@contextlib.contextmanager
def _fitting() -> Iterator[None]:
    """Tell what has no place in a folder of the app's from what else may fail."""
    try:
        yield
    except OSError as error:
        if error.errno in {*NO_NAME, errno.EACCES, errno.EPERM}:
            raise Unfit from error
        raise


@contextlib.contextmanager
def _folder(path: str, parts: list[str], *, make: bool = False) -> Iterator[int]:
    """A folder below another, without following a link on the way."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    opened = os.open(path, flags)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=opened)
            try:
                below = os.open(part, flags, dir_fd=opened)
            except OSError as error:
                if error.errno in NO_NAME and not make:  # a file, or a link that the app made
                    raise FileNotFoundError(part) from error
                raise
            os.close(opened)
            opened = below
        yield opened
    finally:
        os.close(opened)


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"


def _tag(tag: str) -> str:
    return tag.strip('"')


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _client(known: dict[str, Any]) -> Any:
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    config = Config(
        retries={"mode": "standard", "max_attempts": 5},
        s3={"addressing_style": "path"},
        max_pool_connections=AT_ONCE * 2,
        connect_timeout=10,
        read_timeout=60,
        # Not every server that speaks S3 knows others.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    verify: str | None = None
    if known["ca_pem"]:
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
            file.write(known["ca_pem"])
        verify = file.name
    return boto3.client(
        "s3",
        endpoint_url=known["endpoint"],
        region_name=known["region"],
        aws_access_key_id=known["access_key_id"],
        aws_secret_access_key=known["secret_access_key"],
        verify=verify,
        config=config,
    )


def tell(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)  # no core, which would hold a bucket's key
    known = json.load(sys.stdin)
    os.umask(0o077)
    try:
        source, target = (
            Bucket(known[side])
            if "name" in known[side]
            else Folder(known[side]["folder"], tidy=side == "target")
            for side in ("source", "target")
        )
        tell(result=Move(source, target, Copied(known["copied"]), known).run())
    except Refused as error:
        tell(error=str(error), remedy=error.remedy)
        return 1
    except Exception as error:
        tell(error=str(error)[:500] or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
