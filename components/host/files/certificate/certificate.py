#!/usr/bin/python3 -I
"""The certificate that Nginx serves on this host. Standard library, certbot and openssl only.

    prepare   there is one for the domain: the authority's if there is one, else self-signed
    run       get or renew the authority's, if the name leads here, and serve it
    status    what is served until when, and where the name leads, as JSON

The authority is asked only while the name resolves to the stack's address and to nothing else: a
question that must fail counts against the limits of a public one. What Nginx reads is a copy behind
one link, so certificate and key change together, and the old pair is back with one rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG = Path("/etc/stages/certificate.json")
ADDRESS = Path("/etc/stages/address")
HERE = Path("/var/lib/stages-tls")
SERVED = HERE / "served"
BROUGHT = "brought"
"""Below ``HERE``: pairs that another server of the domain served, good until there is an own."""
PROBLEM = HERE / "problem"
"""What the last question to the authority failed with; gone after one that did not fail."""
CERTBOT_TIMEOUT_S = 240
PAIR = ("fullchain.pem", "privkey.pem")
SELF_SIGNED_DAYS = 3650
RELOAD_S = 20
SETTLED_S = 1.0
"""Without an old answer; Nginx tells its old workers to go 100 ms after it has made new ones."""


def command(argv: list[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program; return its exit code and what it said."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            timeout=CERTBOT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]}: no end after {CERTBOT_TIMEOUT_S} s"
    return done.returncode, done.stdout.decode(errors="replace")


def resolved(domain: str) -> list[str]:
    """Every address that the name has, as this host's resolver sees it."""
    try:
        entries = socket.getaddrinfo(domain, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in entries})


def lineage(config: Mapping[str, str]) -> Path:
    """Where certbot keeps the domain's certificate: a folder for each authority."""
    authority = re.sub(r"[^a-z0-9.-]+", "_", config["server"].partition("://")[2].lower())
    return Path(config["store"]) / authority / "live" / config["domain"]


def self_signed(domain: str) -> Path:
    """A certificate that no one vouches for, made once for a domain."""
    folder = HERE / "self-signed" / domain
    if all((folder / name).exists() for name in PAIR):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    half = folder.with_name(".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    certificate, key = (str(half / name) for name in PAIR)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-noenc", "-days", str(SELF_SIGNED_DAYS), "-subj", "/CN=self-signed"]
    argv += ["-addext", f"subjectAltName=DNS:{domain}", "-keyout", key, "-out", certificate]
    code, output = command(argv)
    if code != 0:
        raise OSError(f"openssl made no certificate: {output.strip()}")
    half.rename(folder)
    return folder


def serve(config: Mapping[str, str]) -> None:
    """Put the best pair there is behind the link."""
    folders = (lineage(config), HERE / BROUGHT / config["domain"])
    source = next((folder for folder in folders if (folder / PAIR[0]).exists()), None)
    source = source or self_signed(config["domain"])
    pair = [(source / name).read_bytes() for name in PAIR]
    target = HERE / f"pair-{hashlib.sha256(b''.join(pair)).hexdigest()[:16]}"
    if not target.exists():
        half = HERE / ".pair"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        for name, content in zip(PAIR, pair, strict=True):
            descriptor = os.open(half / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        half.rename(target)
    lead_to(target)


def lead_to(target: Path) -> None:
    """Let the link lead to a pair, with one rename."""
    link = HERE / ".served"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.rename(SERVED)


def answered(domain: str) -> bytes | None:
    """The certificate that Nginx answers with, whoever signed it; ``None`` without an answer."""
    trusting = ssl._create_unverified_context()  # noqa: S323 - it is looked at, not trusted
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", 443), 5) as plain,
        trusting.wrap_socket(plain, server_hostname=domain) as session,
    ):
        return session.getpeercert(binary_form=True)
    return None


def prepare(config: Mapping[str, str]) -> None:
    """Before Nginx reads its files: there is a certificate for the domain."""
    HERE.mkdir(parents=True, exist_ok=True, mode=0o700)
    serve(config)


def run(config: Mapping[str, str]) -> int:
    """Ask the authority if that can succeed, and serve the best certificate there is."""
    HERE.mkdir(parents=True, exist_ok=True, mode=0o700)
    code = 0
    addresses = resolved(config["domain"])
    if addresses == [config["address"]]:
        code = ask(config)
    else:
        leads = ", ".join(addresses) or "nowhere"
        print(f"{config['domain']} leads to {leads} and not to {config['address']}: nothing asked")
    return max(code, reload(config))


def ask(config: Mapping[str, str]) -> int:
    """Let certbot get the certificate, or renew it when it is due (a third of its life is left)."""
    live = lineage(config)
    argv = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--keep-until-expiring"]
    argv += ["--config-dir", str(live.parent.parent), "--work-dir", str(HERE / "work")]
    argv += ["--logs-dir", "/var/log/letsencrypt", "--max-log-backups", "20"]
    argv += ["--server", config["server"], "--key-type", "ecdsa"]
    argv += ["--webroot", "--webroot-path", config["webroot"]]
    argv += ["--cert-name", config["domain"], "--domain", config["domain"]]
    argv += (
        ["--email", config["email"]] if config["email"] else ["--register-unsafely-without-email"]
    )
    live.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    code, output = command(argv, {"REQUESTS_CA_BUNDLE": config["ca"]} if config["ca"] else None)
    if code == 0:
        PROBLEM.unlink(missing_ok=True)
        return 0
    PROBLEM.write_text(reason(output) + "\n")
    print(output.strip())
    return 1


def reason(output: str) -> str:
    """The line of certbot's words that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    details = [line.partition(":")[2].strip() for line in lines if line.startswith("Detail:")]
    last = [
        line for line in lines if not re.match("Ask for help|See the logfile|Saving debug", line)
    ]
    return (details or last[-1:] or ["certbot failed without a word"])[0][:300]


def reload(config: Mapping[str, str]) -> int:
    """Let Nginx serve what is behind the link, if it does not and accepts it."""
    before = SERVED.resolve() if SERVED.is_symlink() else None
    serve(config)
    if command(["systemctl", "is-active", "--quiet", "nginx.service"])[0] != 0:
        return 0
    # Asked of Nginx itself: an earlier run may have ended between the link and the reload.
    wanted = ssl.PEM_cert_to_DER_cert(first_of((SERVED / PAIR[0]).read_text()))
    if SERVED.resolve() == before and answered(config["domain"]) == wanted:
        tidy()
        return 0
    code, output = command(["nginx", "-t", "-q"])
    if code != 0:
        if before is not None:
            lead_to(before)
        print(f"Nginx refuses the certificate, the old one is back:\n{output.strip()}")
        return 1
    code, output = command(["systemctl", "reload", "nginx.service"])
    if code != 0:
        print(output.strip())
        return 1
    # A reload only begins when systemctl returns: old workers answer beside new ones for a moment.
    deadline = time.monotonic() + RELOAD_S
    right_since = None
    while right_since is None or time.monotonic() < right_since + SETTLED_S:
        if answered(config["domain"]) != wanted:
            right_since = None
        elif right_since is None:
            right_since = time.monotonic()
        if time.monotonic() > deadline:
            print(f"Nginx does not serve the new certificate {RELOAD_S} s after its reload")
            return 1
        time.sleep(0.05)
    tidy()
    print("Nginx serves the new certificate")
    return 0


def first_of(chain: str) -> str:
    """The first certificate of a chain: the server's own."""
    end = "-----END CERTIFICATE-----"
    return chain[: chain.index(end) + len(end)]


def tidy() -> None:
    """Remove the pairs that are not served."""
    for pair in HERE.glob("pair-*"):
        if pair != SERVED.resolve():
            shutil.rmtree(pair)


def status(config: Mapping[str, str]) -> dict[str, Any]:
    """What an operator wants to know."""
    facts = {
        "domain": config["domain"],
        "address": config["address"],
        "resolved": resolved(config["domain"]),
        "problem": PROBLEM.read_text().strip() if PROBLEM.exists() else "",
    }
    der = answered(config["domain"])
    if der is None:
        return facts
    openssl = ["openssl", "x509", "-inform", "DER", "-noout", "-nameopt", "sep_comma_plus"]
    openssl += ["-serial", "-issuer", "-subject", "-enddate", "-dateopt", "iso_8601"]
    done = subprocess.run(openssl, input=der, capture_output=True, check=True)
    words = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    return facts | {
        "serial": words["serial"],
        "issuer": words["issuer"],
        "self_signed": words["issuer"] == words["subject"],
        "until": words["notAfter"],
    }


def main(arguments: list[str]) -> int:
    """Do what the one argument says."""
    os.umask(0o022)
    config = {**json.loads(CONFIG.read_text()), "address": ADDRESS.read_text().strip()}
    if arguments == ["prepare"]:
        prepare(config)
        return 0
    if arguments == ["run"]:
        return run(config)
    if arguments == ["status"]:
        print(json.dumps(status(config)))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
