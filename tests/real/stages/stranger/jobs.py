import os
import time

import psycopg


def write_down(name, takes):
    time.sleep(takes)
    with psycopg.connect(os.environ["DATABASE_URL"]) as db:
        db.execute("INSERT INTO guests (name) VALUES (%s)", (name,))
