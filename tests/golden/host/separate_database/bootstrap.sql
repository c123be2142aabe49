\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

SELECT 'CREATE ROLE app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') \gexec
ALTER ROLE app LOGIN PASSWORD :'app_password';
-- The admin of a managed database is no superuser: to give things to a role it has to be in it.
SELECT 'GRANT app TO CURRENT_USER' WHERE NOT pg_has_role(CURRENT_USER, 'app', 'USAGE')
    OR NOT pg_has_role(CURRENT_USER, 'app', 'SET') \gexec

ALTER ROLE app RESET statement_timeout;

-- The built-in locale sorts the same on every host, so stage 1 and stage 2 agree.
SELECT $$CREATE DATABASE app OWNER app TEMPLATE template0 ENCODING 'UTF8'
    LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'$$
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app') \gexec
SELECT 'ALTER DATABASE app OWNER TO app'
    FROM pg_database WHERE datname = 'app' AND pg_get_userbyid(datdba) <> 'app' \gexec
REVOKE ALL ON DATABASE app FROM PUBLIC;
SELECT $$CREATE DATABASE app_scratch OWNER app TEMPLATE template0 ENCODING 'UTF8'
    LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'$$
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app_scratch') \gexec
SELECT 'ALTER DATABASE app_scratch OWNER TO app'
    FROM pg_database WHERE datname = 'app_scratch' AND pg_get_userbyid(datdba) <> 'app' \gexec
REVOKE ALL ON DATABASE app_scratch FROM PUBLIC;
SELECT $$CREATE DATABASE app_restored OWNER app TEMPLATE template0 ENCODING 'UTF8'
    LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'$$
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app_restored') \gexec
SELECT 'ALTER DATABASE app_restored OWNER TO app'
    FROM pg_database WHERE datname = 'app_restored' AND pg_get_userbyid(datdba) <> 'app' \gexec
REVOKE ALL ON DATABASE app_restored FROM PUBLIC;
