#!/bin/sh
# Sends the nightly files, unattended: FOLDER/incoming/*.csv. Finished files move to FOLDER/done.
#
#   sh samples/cron.sh FOLDER MAP.toml [FLAGS OF OURS BACKFILL...]
#   crontab:  15 2 * * *  OURS_PRIVACY_TOKEN=... PATH=... sh cron.sh /srv/orders /srv/orders.toml
#
# Instead of a token in the crontab, prefer token_file or token_command in the config of ours.
# An export may have the same name every night. Each file leaves:
#   FOLDER/reports/NIGHT-FILE.json   the result
#   FOLDER/reports/NIGHT-FILE.log    warnings, errors
#   FOLDER/done/NIGHT-FILE
#   FOLDER/rejects/FILE              if rows were rejected; another night's is kept as FILE.1.csv and so on
# The exit code is the greatest of those of ours (README, "Exit codes"). It prints nothing when all is well, so
# cron only sends mail about problems.
#
# Try it on a local API (the sample's times are old, so both need "none"):
#   ours sandbox --window-days none            in another terminal
#   export OURS_PRIVACY_BASE_URL=http://127.0.0.1:8787/api/v1 OURS_PRIVACY_TOKEN=any
#   mkdir -p /tmp/orders/incoming && cp samples/orders.csv /tmp/orders/incoming
#   sh samples/cron.sh /tmp/orders samples/orders.toml --max-age none
set -eu
umask 077 # reports name files, rejects hold whole rows

[ $# -ge 2 ] || {
    echo "usage: cron.sh FOLDER MAP.toml [flags of ours backfill]" >&2
    exit 2
}
folder=$1
map=$2
shift 2
mkdir -p "$folder/done" "$folder/reports" "$folder/rejects"

# mkdir is atomic: one run at a time. A crash leaves the lock behind, so that a person checks why.
lock=$folder/lock
mkdir "$lock" 2>/dev/null || {
    echo "cron.sh: another run holds $lock (after a crash: rmdir it)" >&2
    exit 11
}
trap 'rmdir "$lock"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

night=$(date +%Y-%m-%dT%H%M%S)
worst=0
for file in "$folder"/incoming/*.csv; do
    [ -e "$file" ] || break
    name=$(basename -- "$file")
    report=$folder/reports/$night-$name
    code=0
    ours backfill "$file" --map "$map" --quiet \
        --report "$report.json" --rejects "$folder/rejects/$name" "$@" \
        >/dev/null 2>"$report.log" || code=$?
    [ "$code" -le "$worst" ] || worst=$code
    [ "$code" -eq 0 ] || cat -- "$report.log" >&2

    case $code in
        0)
            mv -- "$file" "$folder/done/$night-$name"
            ;;
        3)
            # The good rows arrived. The file is done; its rejects need fixing.
            mv -- "$file" "$folder/done/$night-$name"
            echo "cron.sh: $name: some rows were rejected, see $folder/rejects/$name" >&2
            ;;
        4 | 5 | 130 | 143)
            # Token, network or a signal: the next file would fail too. The file stays and is sent again the
            # next night; rows that arrived this time do not count twice.
            echo "cron.sh: $name: stopped with $code, stays in incoming" >&2
            exit "$code"
            ;;
        *)
            # A person must look at a file or map that does not fit; the other files may be fine.
            echo "cron.sh: $name: failed with $code, stays in incoming" >&2
            ;;
    esac
done
exit "$worst"
