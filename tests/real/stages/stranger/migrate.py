import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as db:
    db.execute("CREATE TABLE IF NOT EXISTS guests (id serial PRIMARY KEY, name text NOT NULL)")
