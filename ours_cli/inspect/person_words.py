"""The words of column names that name people, or hold what people wrote, as data (see `sensitive_words`)."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.sensitive_words import Sign, names, words

PATIENT_PHRASES: Final = (
    "patient id", "patient number", "patient reference", "subject id", "subject reference", "pat id", "pt id",
    "patienten id", "patienten number", "fall number", "id patient", "id paciente", "aufnahmenummer",
    "n dossier", "n historia", "empi", "ipp",
)  # fmt: skip

PEOPLE: Final = words(
    "user customer buyer seller client patient contact invitee guest member person people host owner",
    "employee attendee recipient sender payer payee cardholder holder subscriber guarantor doctor",
    "physician provider staff practitioner ship shipping billing bill first last full given family middle",
    "maiden emergency spouse parent guardian mother father nurse therapist caregiver licensee legal",
    "preferred subject performer insured caller agent your pat pt kunde kunden patienten paciente",
    "cust lead participant respondent pcp dr child baby nok",
)
NAME_WORDS: Final = names("name", "names", "nom", "nombre", "display")
"""Beside one of `PEOPLE` they mean a person's name."""

PERSON: Final = Sign(
    "name",
    words(
        "surname forename forenames firstname lastname fullname nickname username fname lname",
        "vorname nachname familienname geburtsname rufname zuname patientenname kundenname",
        "prenom apellido apellidos kin",
    ),
    phrases=(
        "emergency contact", "next of kin", "middle initial", "notfallkontakt", "nom de famille",
        "contacto de emergencia", "f name", "l name", "m name",
    ),
    alone=names(
        *("buyer", "seller", "customer", "client", "patient", "payer", "payee", "recipient", "sender"),
        *("invitee", "guest", "host", "owner", "kunde", "kundin", "patientin", "patient in", "paciente"),
        *("nom", "nombre", "nombres", "nom complet", "nombre completo", "ansprechpartner", "hausarzt"),
        *("first", "middle", "last", "mi", "login", "spouse", "guarantor", "physician"),
    ),
)  # fmt: skip

PERSON_IF_CAPITALS: Final = names("from", "to", "created by", "assigned to")
"""Names of people where some value is written like one."""

PEOPLE_IF_CAPITALS: Final = words(
    "provider doctor contact kontakt parent guardian arzt medecin medico member subscriber caller agent",
    "author participant respondent assignee approver reporter attending pcp holder party enrollee mother",
    "father",
)
"""With one of these last, names of people where most values are written like one."""

ASKING_WORDS: Final = words("you your sie ihr ihre vous votre usted")
"""A name that speaks to somebody is a question, and what stands under it the answer, of whatever kind."""

ANSWER_WORDS: Final = ASKING_WORDS | words(
    "response answer antwort reponse respuesta question frage pregunta"
)
"""Here a bare yes or no tells as much as a sentence."""

FREE_TEXT_WORDS: Final = ANSWER_WORDS | words(
    "note notes comment comments message messages remark remarks memo feedback reason cancellation bio",
    "description narrative transcript details detalles freitext inquiry notiz notizen bemerkung",
    "bemerkungen kommentar kommentare nachricht nachrichten anmerkung anmerkungen anliegen",
    "commentaire commentaires remarque remarques comentario comentarios",
    "mensaje mensajes observacion observaciones",
)
