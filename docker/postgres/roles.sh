#!/bin/sh
# Run once, when the database is made. Three Rings owns its tables and nothing else; what Grafana may read, grant.sh says.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres \
    --set threerings="$(cat /run/secrets/database)" --set grafana="$(cat /run/secrets/grafana_database)" <<'SQL'
CREATE ROLE threerings LOGIN PASSWORD :'threerings';
CREATE ROLE grafana LOGIN PASSWORD :'grafana' CONNECTION LIMIT 10;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '15s';
CREATE DATABASE threerings OWNER threerings ENCODING 'UTF8' TEMPLATE template0;
\connect threerings
REVOKE ALL ON DATABASE threerings FROM PUBLIC;
GRANT CONNECT ON DATABASE threerings TO grafana;
ALTER SCHEMA public OWNER TO threerings;
GRANT USAGE ON SCHEMA public TO grafana;
SQL
