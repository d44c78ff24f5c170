#!/bin/sh
# Caddy knows a hash of the password only, made at every start.
set -eu
: "${PROXY_USER:?}" "${PROXY_PASSWORD:?}"
PROXY_PASSWORD_HASH="$(printf '%s\n' "$PROXY_PASSWORD" | caddy hash-password)"
export PROXY_PASSWORD_HASH
unset PROXY_PASSWORD
exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile
