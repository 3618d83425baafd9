#!/bin/sh
# Export -> jq -> ours batch: jq turns each record into a /track body, ours does the rest.
#
#   sh samples/jq.sh [EXPORT.json [FLAGS OF OURS BATCH...]]
#
# Try it on a local API (the sample's times are old, so both need "none"):
#   ours sandbox --window-days none            in another terminal
#   export OURS_PRIVACY_BASE_URL=http://127.0.0.1:8787/api/v1 OURS_PRIVACY_TOKEN=any
#   sh samples/jq.sh samples/appointments.json --max-age none
set -eu

export_file=${1:-$(dirname -- "$0")/appointments.json}
[ $# -eq 0 ] || shift

# A pipe hides its first command's failure: if jq fails midway, ours only sees the end of its input.
# So jq leaves a mark when it fails; the mark holds no data.
mark=$(mktemp)
trap 'rm -f "$mark"' EXIT

# The id comes from the export, so sending the same export twice counts each appointment once.
# A draft is not an event yet. The reason for the visit is not selected, so it is not sent.
{
    jq -c '
        .data[]
        | select(.attributes.state != "draft")
        | {
            event: ("Appointment " + .attributes.state),
            distinctId: "appointment-\(.id)-\(.attributes.state)",
            time: .attributes.updated_at,
            externalId: .attributes.patient.ref,
            eventProperties: {clinic: .attributes.clinic, minutes: .attributes.minutes}
          }
        | if .externalId == null then del(.externalId) else . end
    ' "$export_file" || echo failed >"$mark"
} | ours batch - "$@"

if [ -s "$mark" ]; then
    echo "jq.sh: jq failed, so not everything was read" >&2
    exit 1
fi
