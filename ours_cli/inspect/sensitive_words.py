"""The words of column names that speak of secrets, people or health, as data; `sensitive` decides by them.

Written as `sensitive.plain_words` makes them: lower case, without accents, `ß` as `ss`, and "number" for
`#`, `No.` and `Nr.`. English, German, French and Spanish. Words that are harmless in one of these languages
("alter", "mobil", "nombre") stand under `alone`, so that they count only as the whole name.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple


class Sign(NamedTuple):
    """What a column holds, by its name: by one of its `words`, by its `last` word, by a phrase, or `alone`.

    A phrase also counts written as one word: "apikey". `of_values` says that the name means a value only:
    `password_changed_at` is a time and `has_password` an answer, so neither is a secret.
    """

    what: str
    words: frozenset[str]
    phrases: tuple[str, ...] = ()
    last: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    of_values: bool = False

    @property
    def glued(self) -> frozenset[str]:
        """The phrases written as one word."""
        return _glued(self.phrases)


@cache
def _glued(phrases: tuple[str, ...]) -> frozenset[str]:
    return frozenset(phrase.replace(" ", "") for phrase in phrases)


def _words(*texts: str) -> frozenset[str]:
    return frozenset(" ".join(texts).split())


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


SIGNS: Final = (
    Sign(
        "secret",
        _words(
            "password passwords passwd pwd passcode passphrase passwort kennwort contrasena secret secrets",
            "credential credentials jwt oauth csrf xsrf otp totp cvv cvc pincode",
        ),
        phrases=(
            "pass word", "pass code", "pass phrase", "api key", "app key", "private key",
            "secret key", "access key", "signing key", "encryption key",
            "ssh key", "license key", "auth code", "access code", "security code", "recovery code",
            "verification code", "reset code", "security answer", "security question", "pin number",
            "pin code", "session key", "set cookie", "mot de passe", "token value", "cookie value",
        ),
        last=_words("token cookie cookies"),
        alone=_names("pin", "auth", "authorization", "bearer", "access tokens", "auth tokens", "clave"),
        of_values=True,
    ),
    Sign(
        "SSN",
        _words("ssn sozialversicherungsnummer svnummer"),
        phrases=("social security", "securite sociale", "seguridad social"),
    ),
    Sign(
        "medical record number",
        _words("mrn patientennummer krankenakte"),
        phrases=("medical record", "chart number", "chart id", "dossier medical", "historia clinica"),
        alone=_names("chart"),
    ),
    Sign(
        "insurance id",
        _words(
            "insurance insured medicare medicaid npi beneficiary hicn mbi policyholder krankenkasse",
            "versicherer krankenversicherung versicherung versicherungsnummer versichertennummer",
            "versicherten kassennummer mutuelle assurance aseguradora beneficiario",
        ),
        phrases=(
            "health plan", "policy holder", "policy number", "policy id", "subscriber id",
            "subscriber number", "member id",
            "member number", "group number", "carte vitale", "prior auth", "authorization number",
            "numero de poliza", "numero de afiliado",
        ),
        alone=_names("policy", "poliza", "seguro", "seguro medico"),
    ),
    Sign(
        "date of birth",
        _words(
            "dob birth birthdate birthday birthyear geburtsdatum geburtstag geburtsjahr geburt naissance",
            "nacimiento",
        ),
    ),
    Sign(
        "age",
        frozenset(),
        phrases=("age at", "age in years"),
        alone=_names("age", "patient age", "age years", "alter", "edad"),
        of_values=True,
    ),
    Sign(
        "phone",
        _words(
            "phone mobile telephone tel fax cell cellphone telefon telefonnummer telefax faxnummer handy",
            "handynummer rufnummer mobilnummer mobiltelefon mobilfunk telefono movil celular telecopie",
            "pager whatsapp",
        ),
        phrases=("reminder number", "contact number", "phone number", "mobile number", "numero de telephone"),
        alone=_names("mobil", "festnetz", "portable", "telephone portable", "gsm"),
    ),
    Sign(
        "e-mail",
        _words("email emails emailadresse mailadresse courriel"),
        phrases=("e mail", "email address", "correo electronico"),
        alone=_names("mail", "correo"),
    ),
    Sign(
        "IP address",
        frozenset(),
        phrases=("ip address", "ip addr", "ip adresse", "adresse ip"),
        last=_words("ip ipv"),
    ),
    Sign(
        "device id",
        _words("imei imsi iccid meid udid idfa gaid seriennummer"),
        phrases=(
            "device id", "device identifier", "serial number", "mac address", "android id", "advertising id",
            "numero de serie",
        ),
        alone=_names("serial", "device serial", "mac"),
        of_values=True,
    ),
    Sign(
        "address",
        _words(
            "address street zip zipcode postcode postal strasse hausnummer anschrift adresse plz",
            "postleitzahl direccion domicilio",
        ),
        alone=_names("rue", "calle", "str"),
    ),
    Sign(
        "location",
        _words("latitude longitude lat lng coordinates"),
        last=_words("city town county wohnort ville ciudad municipio localidad"),
        alone=_names("city name", "county name", "ort", "stadt", "gemeinde", "commune"),
    ),
    Sign(
        "account number",
        _words("iban card auftraggeberkonto kontonummer kontonr acct"),
        phrases=(
            "account number", "bank account", "routing number", "sort code", "numero de compte",
            "numero de cuenta",
        ),
        alone=_names("konto", "konto number"),
    ),
    Sign(
        "identity number",
        _words("passport itin nino aadhaar reisepass personalausweis ausweisnummer steuernummer passeport"),
        phrases=(
            "tax id", "tax number", "taxpayer id", "national id", "national insurance", "nhs number",
            "identity card", "id card", "steuer id",
        ),
        alone=_names("tin", "dni", "nie", "nif", "nir", "curp", "cpf", "bsn", "pasaporte"),
        of_values=True,
    ),
    Sign(
        "vehicle",
        _words("vin kennzeichen fahrgestellnummer immatriculation"),
        phrases=(
            "license plate", "licence plate", "number plate", "plate number", "vehicle id", "vehicle number",
            "vehicle registration", "vehicle serial",
        ),
        alone=_names("plate", "matricula", "placa"),
        of_values=True,
    ),
    Sign(
        "licence or certificate",
        _words("fuhrerschein fuhrerscheinnummer"),
        phrases=(
            "license number", "licence number", "license id", "licence id", "certificate number",
            "certificate id", "drivers license", "driver license", "driving licence", "dea number",
            "permis de conduire",
        ),
        last=_words("license licence"),
        of_values=True,
    ),
    Sign(
        "photo or biometrics",
        _words(
            "photo photos photograph selfie headshot avatar fingerprint fingerprints biometric biometrics",
            "faceprint voiceprint fingerabdruck passbild lichtbild",
        ),
        phrases=("profile picture", "profile image", "voice print", "face id", "retina scan", "iris scan"),
        alone=_names("picture", "foto", "bild"),
        of_values=True,
    ),
    Sign(
        "URL",
        _words("urls"),
        last=_words("url uri website homepage webpage permalink webseite"),
        of_values=True,
    ),
)  # fmt: skip
"""The first that fits wins."""

COUNTED: Final = _words("count counts type types status strength")
"""A name that ends so tells of a value, but is none: `password_strength`, `photo_count`."""

HEALTH_SIGN: Final = Sign(
    "health",
    _words(
        "diagnosis diagnoses diagnosed dx icd snomed loinc cpt hcpcs ndc rxnorm condition conditions",
        "symptom symptoms medication medications drug drugs prescription prescriptions dosage dose allergy",
        "allergies allergen procedure procedures vaccine vaccines vaccination vaccinated immunization",
        "immunizations lab labs reasoncode reasondescription encounterclass disease illness treatment",
        "therapy pregnancy pregnant hiv disability bmi clinical complaint complaints assessment",
        "assessments anamnesis prognosis comorbidity comorbidities pathology radiology mri xray biopsy",
        "surgery surgical oncology cancer tumor tumour diabetes diabetic asthma covid hepatitis depression",
        "anxiety psychiatric opioid smoker glucose hba cholesterol systolic diastolic vitals fertility ivf",
        "contraception trimester deceased death dod befund befunde diagnosen medikament medikamente",
        "medikation arznei arzneimittel therapie behandlung krankheit krankheiten allergie allergien",
        "symptome impfung impfungen impfstoff anamnese schwanger schwangerschaft blutgruppe laborwerte",
        "medicament medicaments maladie traitement ordonnance symptomes vaccin grossesse diagnostico",
        "diagnosticos medicamento medicamentos enfermedad tratamiento alergia alergias sintoma sintomas",
        "vacuna embarazo",
    ),
    phrases=(
        "test result", "test results", "visit reason", "reason for visit", "a 1 c", "blood pressure",
        "blood type", "blood group", "heart rate", "mental health", "medical history", "body weight",
        "substance use", "groupe sanguin", "grupo sanguineo", "motif de consultation", "motivo de consulta",
        "rx number", "rx name",
    ),
    alone=_names("rx", "diagnose", "diagnostic", "rezept", "receta"),
)  # fmt: skip
"""Looked for after the others, and after names: a prescription's number is no more than health."""

PATIENT_NAMES: Final = _names("patient", "patient id", "patient number", "subject id")

PEOPLE: Final = _words(
    "user customer buyer seller client patient contact invitee guest member person people host owner",
    "employee attendee recipient sender payer payee cardholder holder subscriber guarantor doctor",
    "physician provider staff practitioner ship shipping billing bill first last full given family middle",
    "maiden emergency spouse parent guardian mother father nurse therapist caregiver licensee legal",
    "preferred",
)
"""With "name" behind them they mean a person's name."""

PERSON: Final = Sign(
    "name",
    _words(
        "surname firstname lastname fullname vorname nachname familienname geburtsname nickname username",
        "patientenname kundenname prenom apellido apellidos kin",
    ),
    phrases=(
        "emergency contact", "next of kin", "notfallkontakt", "nom de famille", "contacto de emergencia",
    ),
    alone=_names(
        *("buyer", "seller", "customer", "client", "patient", "payer", "payee", "recipient", "sender"),
        *("invitee", "guest", "host", "owner", "kunde", "kundin", "patientin", "nom", "nombre", "nombres"),
        *("first", "last", "fname", "lname", "login", "spouse", "guarantor", "physician", "hausarzt"),
        *("nom complet", "nombre completo", "ansprechpartner"),
    ),
)  # fmt: skip

PERSON_IF_CAPITALS: Final = _names(
    *("from", "to", "provider", "doctor", "contact", "parent", "guardian", "arzt", "medecin", "medico"),
)
"""Names of people where some value is written like one."""

FREE_TEXT_WORDS: Final = _words(
    "note notes comment comments message messages remark remarks memo feedback response answer reason",
    "cancellation bio description narrative transcript notiz notizen bemerkung bemerkungen kommentar",
    "kommentare nachricht anmerkung anmerkungen commentaire commentaires remarque remarques comentario",
    "comentarios observaciones",
)
ANSWER_WORDS: Final = _words("response answer antwort reponse respuesta")
"""Here a bare yes or no tells as much as a sentence."""
