"""The words of column names that name people, or hold what people wrote, as data (see `sensitive_words`)."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.sensitive_words import Sign, names, words

PATIENT_PHRASES: Final = (
    "patient id", "patient number", "patient reference", "subject id", "subject reference",
)  # fmt: skip

PEOPLE: Final = words(
    "user customer buyer seller client patient contact invitee guest member person people host owner",
    "employee attendee recipient sender payer payee cardholder holder subscriber guarantor doctor",
    "physician provider staff practitioner ship shipping billing bill first last full given family middle",
    "maiden emergency spouse parent guardian mother father nurse therapist caregiver licensee legal",
    "preferred subject performer",
)
NAME_WORDS: Final = names("name", "names", "nom", "nombre", "display")
"""Beside one of `PEOPLE` they mean a person's name."""

PERSON: Final = Sign(
    "name",
    words(
        "surname firstname lastname fullname vorname nachname familienname geburtsname nickname username",
        "patientenname kundenname prenom apellido apellidos kin",
    ),
    phrases=(
        "emergency contact", "next of kin", "notfallkontakt", "nom de famille", "contacto de emergencia",
    ),
    alone=names(
        *("buyer", "seller", "customer", "client", "patient", "payer", "payee", "recipient", "sender"),
        *("invitee", "guest", "host", "owner", "kunde", "kundin", "patientin", "nom", "nombre", "nombres"),
        *("first", "last", "fname", "lname", "login", "spouse", "guarantor", "physician", "hausarzt"),
        *("nom complet", "nombre completo", "ansprechpartner"),
    ),
)  # fmt: skip

PERSON_IF_CAPITALS: Final = names(
    *("from", "to", "provider", "doctor", "contact", "parent", "guardian", "arzt", "medecin", "medico"),
)
"""Names of people where some value is written like one."""

FREE_TEXT_WORDS: Final = words(
    "note notes comment comments message messages remark remarks memo feedback response answer reason",
    "cancellation bio description narrative transcript notiz notizen bemerkung bemerkungen kommentar",
    "kommentare nachricht anmerkung anmerkungen commentaire commentaires remarque remarques comentario",
    "comentarios observaciones",
)
ANSWER_WORDS: Final = words("response answer antwort reponse respuesta")
"""Here a bare yes or no tells as much as a sentence."""
