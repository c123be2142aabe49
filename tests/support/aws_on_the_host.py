"""Stands in for what an EC2 server talks to: the metadata address and CloudWatch.

Runs on a host of its own accord (Debian's Python, no other file), in a network namespace that
plays the world outside. It hands out made-up credentials only to IMDSv2, takes any PutMetricData,
and writes down every request as one line of JSON. Whether a signature is right is for the test to
say; whether AWS would agree with anything here, nobody says.

    aws_on_the_host.py LOG CERTIFICATE KEY
"""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import threading
from pathlib import Path

REGION = "us-east-1"
METADATA = "169.254.169.254"
CLOUDWATCH = "198.51.100.10"
CREDENTIALS = {
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "made/up+secret",
    "Token": "made/up+session==",
}
TOKEN = "made-up-metadata-token"
ANSWERS = {
    "/latest/meta-data/placement/region": REGION,
    "/latest/meta-data/iam/security-credentials/": "the-role",
    "/latest/meta-data/iam/security-credentials/the-role": json.dumps(CREDENTIALS, indent=2),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Both services; which one is told by the address that was asked."""

    log = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("/dev/null")

    def do_PUT(self) -> None:
        lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self._answer(200 if lifetime and self.path == "/latest/api/token" else 400, TOKEN)

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self._answer(401, "")
        else:
            self._answer(200 if self.path in ANSWERS else 404, ANSWERS.get(self.path, ""))

    def do_POST(self) -> None:
        self._answer(200, "<PutMetricDataResponse/>")

    def _answer(self, status: int, text: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {
            "method": self.command,
            "path": self.path,
            "status": status,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        with self.log.open("a") as log:
            log.write(json.dumps(asked) + "\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


def main(certificate: str, key: str) -> None:
    metadata = http.server.ThreadingHTTPServer((METADATA, 80), Handler)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    cloudwatch = http.server.ThreadingHTTPServer((CLOUDWATCH, 443), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    cloudwatch.socket = context.wrap_socket(cloudwatch.socket, server_side=True)
    cloudwatch.serve_forever()


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3])
