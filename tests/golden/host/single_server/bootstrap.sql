\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

SELECT 'CREATE ROLE app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') \gexec
-- No password: the pooler comes in by peer.
ALTER ROLE app LOGIN PASSWORD NULL;
-- Here and not in the database app, whose dump would carry it to where only an admin may make it.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;

ALTER ROLE app RESET statement_timeout;

-- The built-in locale sorts the same on every host, so stage 1 and stage 2 agree.
SELECT $$CREATE DATABASE app OWNER app TEMPLATE template0 ENCODING 'UTF8'
    LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'$$
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app') \gexec
SELECT 'ALTER DATABASE app OWNER TO app'
    FROM pg_database WHERE datname = 'app' AND pg_get_userbyid(datdba) <> 'app' \gexec
REVOKE ALL ON DATABASE app FROM PUBLIC;
