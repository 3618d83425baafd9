#!/bin/sh
# A growing log -> ours batch: each line is sent about a second after it was written.
#
#   sh samples/tail.sh [LOG.ndjson [FLAGS OF OURS BATCH...]]
#
# Each line is one event, shaped like a /track body. It ends with Ctrl-C: what is on its way gets its answer,
# then the report comes; the lines of the last second may be unsent, and it counts them. Started again it
# reads the log from its first line, and nothing counts twice: a line with a time always gets the same
# distinctId. (A line without a time is stamped on arrival, so for the API it is another event each time; let
# your log state times, or a distinctId.)
#
# Try it on a local API (the sample's times are old, hence the two "none"):
#   ours sandbox --window-days none            in another terminal
#   export OURS_PRIVACY_BASE_URL=http://127.0.0.1:8787/api/v1 OURS_PRIVACY_TOKEN=any
#   sh samples/tail.sh samples/events.ndjson --max-age none
set -eu

log=${1:-$(dirname -- "$0")/events.ndjson}
[ $# -eq 0 ] || shift
[ -r "$log" ] || {
    echo "tail.sh: cannot read $log" >&2
    exit 6
}

# A plain `tail -f | ours` would hang when ours stops (a refused token, say) until the next line is written.
# Through a named pipe tail can be told to stop.
scratch=$(mktemp -d)
mkfifo "$scratch/lines"
tail -n +1 -f -- "$log" >"$scratch/lines" &
tail_id=$!
trap 'kill "$tail_id" 2>/dev/null || true; rm -r "$scratch"' EXIT
# Ctrl-C reaches ours too, which waits for the answers on their way; the shell waits for that.
trap : INT

# --flush-every: how long an event may wait for others to share its request.
ours batch - --flush-every 1s "$@" <"$scratch/lines"
