"""The Ingest API's limits and names, as data (contract: vendor's documentation and OpenAPI text).

Nothing here decides anything: `validate.py` judges rows by it, `retry.py` judges answers.
"""

from __future__ import annotations

from typing import Final

DEFAULT_BASE_URL: Final = "https://api.oursprivacy.com/api/v1"

TOKEN_MAX: Final = 250
"""Characters (contract: `token`, 1..250)."""

EVENT_NAME_MAX: Final = 1000
"""Characters (contract: `event`, 1..1000)."""

ID_MAX: Final = {"userId": 400, "externalId": 400, "email": 1000}
"""Characters per identifier (contract: one event)."""

TEXT_MAX: Final = {"event": EVENT_NAME_MAX, **ID_MAX}
"""Characters of every text with a limit of its own."""

WINDOW_MS: Final = 7 * 24 * 3600 * 1000
"""Milliseconds that `time` may lie in the past (contract: "within the last 7 days")."""

PROPERTIES_MAX: Final = 200
"""Non-empty keys of `eventProperties`."""

DEPTH_MAX: Final = 5
"""Object levels of `eventProperties`; arrays do not count."""

ARRAY_MAX: Final = 250
"""Entries of an array in `eventProperties`; the server cuts the rest off."""

PROPERTIES_UTF16_MAX: Final = 1_048_576
"""`eventProperties` serialized must stay under this many UTF-16 code units."""

BATCH_EVENTS: Final = 500
"""Events per batch to start with; the API's own limit is unknown and learned from 413."""

BATCH_EVENTS_MAX: Final = 2000
"""Events per batch that a server is asked to take once it has taken many smaller ones."""

BATCH_BYTES: Final = 1 << 20
"""Bytes per batch to start with; the API's own limit is unknown and learned from 413."""

TEXT_KEYS: Final = ("event", "distinctId", "userId", "externalId", "email")
"""Top-level keys that hold a text."""

OBJECT_KEYS: Final = ("eventProperties", "userProperties", "defaultProperties")
"""Top-level keys that hold an object of properties."""

EVENT_KEYS: Final = (*TEXT_KEYS, "time", *OBJECT_KEYS, "identityContext")
"""Top-level keys of a `/track` body and of each `/batch` row (the token apart)."""

IDENTIFY_KEYS: Final = (
    "userId",
    "externalId",
    "email",
    "userProperties",
    "defaultProperties",
    "identityContext",
)
"""Top-level keys of an `/identify` body (the token apart)."""

MISNAMED_KEYS: Final = {
    "properties": "eventProperties",
    "event_properties": "eventProperties",
    "user_properties": "userProperties",
    "traits": "userProperties",
    "default_properties": "defaultProperties",
    "context": "defaultProperties",
    "identity_context": "identityContext",
    "distinct_id": "distinctId",
    "messageId": "distinctId",
    "insert_id": "distinctId",
    "$insert_id": "distinctId",
    "user_id": "externalId",
    "external_id": "externalId",
    "timestamp": "time",
    "ts": "time",
    "event_name": "event",
    "name": "event",
}
"""Names that other tools use, and the API's name for the same thing (for hints only, never applied)."""

IDENTITY_CONTEXT_KEYS: Final = ("ip", "userAgent")
"""Keys of `identityContext`; both are required when the object is there."""

USER_PROPERTIES: Final[dict[str, str]] = {
    "_ef_transaction_id": "string",
    "ad_id": "string",
    "admitad_uid": "string",
    "adset_id": "string",
    "alart": "string",
    "aleid": "string",
    "axwrt": "string",
    "basis_cid": "string",
    "beeswax_auction_id": "string",
    "campaign_id": "string",
    "city": "string",
    "clickid": "string",
    "clid": "string",
    "company_name": "string",
    "consent": "object",
    "country": "string",
    "custom_properties": "object",
    "date_of_birth": "string",
    "dclid": "string",
    "email": "string",
    "epik": "string",
    "external_id": "string",
    "fbc": "string",
    "fbclid": "string",
    "fbp": "string",
    "first_name": "string",
    "gad_source": "string",
    "gbraid": "string",
    "gclid": "string",
    "gender": "string",
    "graid": "string",
    "grclid": "string",
    "im_ref": "string",
    "ip": "string",
    "irclickid": "string",
    "is_bot": "any",
    "job_title": "string",
    "last_name": "string",
    "li_fat_id": "string",
    "msclkid": "string",
    "ndclid": "string",
    "ob_click_id": "string",
    "oppref": "string",
    "phone_number": "any",
    "qclid": "string",
    "rdt_cid": "string",
    "referrer": "string",
    "referring_domain": "string",
    "sacid": "string",
    "sccid": "string",
    "sid": "string",
    "state": "string",
    "ttclid": "string",
    "ttd_impression_id": "string",
    "twclid": "string",
    "user_agent": "string",
    "user_agent_full_list": "string",
    "utm_campaign": "string",
    "utm_content": "string",
    "utm_medium": "string",
    "utm_name": "string",
    "utm_source": "string",
    "utm_term": "string",
    "viant_click_id": "string",
    "viant_impression_id": "string",
    "wbraid": "string",
    "ylpcid": "string",
    "zip": "any",
}
"""Known keys of `userProperties` and their JSON types; the customer's own go under `custom_properties`."""

DEFAULT_PROPERTIES: Final[dict[str, str]] = {
    "_ef_transaction_id": "string",
    "activeDuration": "number",
    "ad_id": "string",
    "admitad_uid": "string",
    "adset_id": "string",
    "alart": "string",
    "aleid": "string",
    "axwrt": "string",
    "basis_cid": "string",
    "beeswax_auction_id": "string",
    "browser_language": "string",
    "browser_name": "string",
    "browser_version": "string",
    "campaign_id": "string",
    "clickid": "string",
    "clid": "string",
    "cpu_architecture": "string",
    "current_url": "string",
    "dclid": "string",
    "device_model": "string",
    "device_type": "string",
    "device_vendor": "string",
    "duration": "number",
    "encoding": "string",
    "engine_name": "string",
    "engine_version": "string",
    "epik": "string",
    "fbc": "string",
    "fbclid": "string",
    "fbp": "string",
    "fv": "boolean",
    "gad_source": "string",
    "gbraid": "string",
    "gclid": "string",
    "graid": "string",
    "grclid": "string",
    "host": "string",
    "iframe": "boolean",
    "im_ref": "string",
    "ip": "string",
    "irclickid": "string",
    "is_bot": "any",
    "li_fat_id": "string",
    "msclkid": "string",
    "ndclid": "string",
    "new_s": "boolean",
    "ob_click_id": "string",
    "oppref": "string",
    "os_name": "string",
    "os_version": "string",
    "page_hash": "number",
    "pathname": "string",
    "qclid": "string",
    "rdt_cid": "string",
    "received_at": "string",
    "referrer": "string",
    "referring_domain": "string",
    "sacid": "string",
    "sccid": "string",
    "screen_height": "number",
    "screen_width": "number",
    "sessionCount": "number",
    "sid": "string",
    "sr": "string",
    "title": "string",
    "ttclid": "string",
    "ttd_impression_id": "string",
    "twclid": "string",
    "uafvl": "string",
    "user_agent": "string",
    "utm_campaign": "string",
    "utm_content": "string",
    "utm_medium": "string",
    "utm_name": "string",
    "utm_source": "string",
    "utm_term": "string",
    "version": "string",
    "viant_click_id": "string",
    "viant_impression_id": "string",
    "wbraid": "string",
    "webview": "boolean",
    "ylpcid": "string",
}
"""Known keys of `defaultProperties` and their JSON types."""

KNOWN_PROPERTIES: Final = {"userProperties": USER_PROPERTIES, "defaultProperties": DEFAULT_PROPERTIES}
"""The objects whose keys are known, each with them."""
