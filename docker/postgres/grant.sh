#!/bin/sh
# What Grafana may read: everything but who called. Whoever can open Grafana can put any query to its data sources. Run once
# at every start, when Three Rings has made its tables; it may be repeated.
set -u
url=$(cat /run/secrets/database_url)
tries=150
until psql "$url" --quiet --set=ON_ERROR_STOP=1 --single-transaction <<'SQL'
GRANT SELECT ON visits, offers, agent_spells, agents_heard TO grafana;
GRANT SELECT (id, pbx, direction, dialled, arrived_at, ended_at, hung_up_by, visits) ON calls TO grafana;
GRANT SELECT (id, call_id, kind, opened_at) ON cases TO grafana;
SQL
do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 2
done
