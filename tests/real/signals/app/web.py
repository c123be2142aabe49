"""A product as small as can be: /query?ms=150 asks the database something that takes so long."""

import http.server
import os
import time
import urllib.parse

import psycopg  # type: ignore[import-not-found]  # of the host

time.sleep(float(os.environ.get("START_S", "0")))  # an app that takes long to start


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/query":
            ms = urllib.parse.parse_qs(query)["ms"][0]
            with psycopg.connect(os.environ["DATABASE_URL"]) as database:
                database.execute("select pg_sleep(%s)", [float(ms) / 1000])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
