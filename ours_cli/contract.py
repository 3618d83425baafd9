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

_ATTRIBUTION: Final = """
_ef_transaction_id ad_id admitad_uid adset_id alart aleid axwrt basis_cid beeswax_auction_id campaign_id
clickid clid dclid epik fbc fbclid fbp gad_source gbraid gclid graid grclid im_ref ip irclickid li_fat_id
msclkid ndclid ob_click_id oppref qclid rdt_cid referrer referring_domain sacid sccid sid ttclid
ttd_impression_id twclid user_agent utm_campaign utm_content utm_medium utm_name utm_source utm_term
viant_click_id viant_impression_id wbraid ylpcid
"""
"""Texts that a visitor and a visit both know: where a person came from."""


def _by_name(texts: str, others: dict[str, str]) -> dict[str, str]:
    return dict(sorted({**dict.fromkeys(texts.split(), "string"), **others}.items()))


USER_PROPERTIES: Final = _by_name(
    f"{_ATTRIBUTION} city company_name country date_of_birth email external_id first_name gender job_title"
    " last_name state user_agent_full_list",
    dict.fromkeys(("consent", "custom_properties"), "object")
    | dict.fromkeys(("is_bot", "phone_number", "zip"), "any"),
)
"""Known keys of `userProperties` and their JSON types; the customer's own go under `custom_properties`."""

DEFAULT_PROPERTIES: Final = _by_name(
    f"{_ATTRIBUTION} browser_language browser_name browser_version cpu_architecture current_url device_model"
    " device_type device_vendor encoding engine_name engine_version host os_name os_version pathname"
    " received_at sr title uafvl version",
    dict.fromkeys(("activeDuration", "duration", "page_hash"), "number")
    | dict.fromkeys(("screen_height", "screen_width", "sessionCount"), "number")
    | dict.fromkeys(("fv", "iframe", "new_s", "webview"), "boolean")
    | {"is_bot": "any"},
)
"""Known keys of `defaultProperties` and their JSON types."""

KNOWN_PROPERTIES: Final = {"userProperties": USER_PROPERTIES, "defaultProperties": DEFAULT_PROPERTIES}
"""The objects whose keys are known, each with them."""
