#!/bin/sh
# Run by the image of Postgres when it makes the database: the role of the gateway, which owns nothing.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --set password="$(cat "${SECRETS:-/run/secrets}/service_password")" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role portico login password :'password';
SQL
