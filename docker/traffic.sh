#!/bin/sh
# The demo's PBX as a service of docker/compose.yaml: it is spoken to on standard input, which must stay open.
set -eu
{
    printf '{"username": "threerings", "secret": "%s", "queue_log": "/var/log/pbx/queue_log", "listen": ["0.0.0.0", 5038]}\n' \
        "$(cat /run/secrets/ami)"
    printf '{"agi": ["threerings", 4573]}\n'
    exec tail -f /dev/null
} | python -m telephony.simulator
