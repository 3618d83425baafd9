#!/bin/sh
# Divides one history among processes of this machine: N shards, JOBS at a time, then one receipt for all.
#
#   sh samples/parallel/shards.sh N JOBS FOLDER FILE [FLAGS OF OURS BACKFILL...]
#
# FOLDER gets a report (the result) and a log for each shard. Use no more jobs than cores. If it is killed, run it
# again: each shard resumes, or says that it is done. The exit code is that of `ours runs merge`: 0 or 3 when all
# is there, else 6.
#
# Try it on a local API (the sample's times are old, so both need "none"):
#   ours sandbox --window-days none            in another terminal
#   export OURS_PRIVACY_BASE_URL=http://127.0.0.1:8787/api/v1 OURS_PRIVACY_TOKEN=any
#   sh samples/parallel/shards.sh 4 2 /tmp/shards samples/orders.csv --map samples/orders.toml --max-age none
set -eu
umask 077 # reports name files

[ $# -ge 4 ] || {
    echo "usage: shards.sh N JOBS FOLDER FILE [flags of ours backfill]" >&2
    exit 2
}
shards=$1 jobs=$2 folder=$3
shift 3
mkdir -p "$folder"
export shards folder

# The arguments of one shard's command, with K last: xargs appends it, so it replaces nothing in the arguments,
# where {column} and {} are templates. A shard that fails must not stop the others: the merge reports it.
one='n=$#
while [ "$n" -gt 1 ]; do
    set -- "$@" "$1"
    shift
    n=$((n - 1))
done
k=$1
shift
ours backfill "$@" --quiet --shard "$k/$shards" --report "$folder/report-$k.json" \
    >/dev/null 2>"$folder/shard-$k.log" || {
    code=$?
    [ "$code" -eq 3 ] || echo "shards.sh: shard $k/$shards ended with $code, see $folder/shard-$k.log" >&2
}'

# Reports of an earlier, larger N would be merged too.
rm -f "$folder"/report-*.json
k=0
while [ "$k" -lt "$shards" ]; do
    echo "$k"
    k=$((k + 1))
done | xargs -P "$jobs" -n 1 sh -c "$one" shard "$@"

exec ours runs merge "$folder"/report-*.json
