#!/bin/sh
# A growing log -> ours batch: each line is sent about a second after it is written.
#
#   sh samples/tail.sh [LOG.ndjson [FLAGS OF OURS BATCH...]]
#
# Each line is one event, shaped like a /track body. Ctrl-C ends it: requests in flight get their answers, then
# the report is printed, which counts any lines still unsent. When you start it again, it reads the log from the
# first line, and nothing counts twice: a line with a time always gets the same distinctId. (A line without a time
# is stamped on arrival, so it is a new event each time. Put times, or a distinctId, in your log.)
#
# Try it on a local API (the sample's times are old, so both need "none"):
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

# If ours stops (a refused token, for example), a plain `tail -f | ours` hangs until the next line is written.
# With a named pipe, this script can stop tail.
scratch=$(mktemp -d)
mkfifo "$scratch/lines"
tail -n +1 -f -- "$log" >"$scratch/lines" &
tail_id=$!
trap 'kill "$tail_id" 2>/dev/null || true; rm -r "$scratch"' EXIT
# Ctrl-C reaches ours too. It waits for the answers in flight, and the shell waits for that.
trap : INT

# --flush-every: the longest an event waits for others to share its request.
ours batch - --flush-every 1s "$@" <"$scratch/lines"
