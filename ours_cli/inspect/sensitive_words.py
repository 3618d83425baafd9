"""The words of column names that speak of secrets, people or health, as data; `sensitive` decides by them.

Written as `sensitive.plain_words` makes them: lower case, without accents, `ß` as `ss`, and "number" for
`#`, `No.` and `Nr.`. English, German, French, Spanish, Italian, Dutch and Portuguese. Words that are harmless
in one of these languages ("alter", "mobil", "nombre") stand under `alone`, so that they count only as the
whole name; those that are harmless but in a table of patients ("weight", "pulse") in `patient_words`.
"""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.vocabulary import Sign, names, words

SIGNS: Final = (
    Sign(
        "secret",
        words(
            "password passwords passwd pwd passcode passphrase passwort kennwort contrasena secret secrets",
            "credential credentials jwt oauth csrf xsrf otp totp cvv cvc pincode",
        ),
        phrases=(
            "pass word", "pass code", "pass phrase", "api key", "app key", "private key",
            "access key", "signing key", "encryption key",
            "ssh key", "license key", "auth code", "access code", "security code", "recovery code",
            "verification code", "reset code", "security answer", "security question", "pin number",
            "pin code", "session key", "set cookie", "mot de passe", "token value", "cookie value",
        ),
        last=words("token cookie cookies"),
        alone=names("pin", "auth", "authorization", "bearer", "access tokens", "auth tokens", "clave"),
        of_values=True,
    ),
    Sign(
        "SSN",
        words("ssn ssnumber sozialversicherungsnummer svnummer svnr rentenversicherungsnummer secu"),
        phrases=(
            "social security", "securite sociale", "seguridad social", "sv number", "social sec", "soc sec",
            "ss number", "number ss", "numero ss",
        ),
        alone=names("nss", "n i r"),
    ),
    Sign(
        "medical record number",
        words("mrn patientennummer krankenakte prontuario"),
        phrases=(
            "medical record", "chart number", "chart id", "dossier medical", "historia clinica", "med rec",
            "number historia",
        ),
        alone=names("chart", "nhc"),
    ),
    Sign(
        "case number",
        words("aufnahmenummer csn encntr fallnummer hadm"),
        phrases=("aufnahme number", "fall number", "fall id", "numero de sejour", "numero sejour"),
    ),
    Sign(
        "insurance id",
        words(
            "insurance insured medicare medicaid npi beneficiary hicn mbi policyholder krankenkasse",
            "versicherer krankenversicherung versicherung versicherungsnummer versichertennummer",
            "versicherten kvnr egk kassennummer mutuelle assurance aseguradora beneficiario desynpuf",
            "kostentrager convenio carteirinha zorgverzekeraar zorgverzekering verzekeringsnummer",
            "polisnummer assicurazione",
        ),
        phrases=(
            "health plan", "policy holder", "policy number", "policy id", "subscriber id",
            "subscriber number", "member id",
            "member number", "group number", "claim number", "carte vitale", "prior auth",
            "authorization number", "bene id", "ins name", "ins group", "ins carrier", "kv number",
            "grp number", "ins pkg", "ins plan", "clm id",
            "cartao sus", "plano saude", "plano de saude", "tarjeta sanitaria",
            "numero de poliza", "numero de afiliado",
            "tessera sanitaria", "rx bin", "rx pcn", "rx grp", "rx group", "subscr id",
        ),
        alone=names(
            "policy", "poliza", "number poliza", "number afiliado", "number adherent", "seguro",
            "seguro medico", "mutua", "cns",
        ),
    ),
    Sign(
        "date of birth",
        words(
            "dob yob birth birthdate birthday birthyear bday bdate geburtsdatum geburtstag geburtsjahr",
            "geburt geburts naissance naiss nacimiento nascimento nasc nascita geboorte geboortedatum",
            "geboortejaar",
        ),
        phrases=(
            "d o b", "born on", "geb dat", "geb datum", "fecha nac", "fec nac", "f nac", "ne le", "nee le",
            "ne e le", "ben nai", "nato il", "nata il",
        ),
        alone=names("born", "ddn", "geb"),
    ),
    Sign(
        "age",
        frozenset(),
        phrases=("age at", "age in years"),
        alone=names("age", "age years", "your age", "alter", "edad", "idade", "leeftijd"),
        of_values=True,
        coded=True,
    ),
    Sign(
        "phone",
        words(
            "phone mobile telephone tel fax cell cellphone telefon telefonnummer telefax faxnummer handy",
            "handynummer rufnummer mobilnummer mobiltelefon mobilfunk telefono movil celular telecopie",
            "pager whatsapp msisdn dnis tlf cellulare telefoon telefoonnummer",
        ),
        phrases=(
            "reminder number", "contact number", "telecom value", "contact value", "caller number",
            "callback number", "dialed number", "sms number", "mobil number", "whats app", "home ph",
            "work ph", "ph number",
        ),
        alone=names("mobil", "mobiel", "festnetz", "portable", "gsm", "ani"),
        of_values=True,
    ),
    Sign(
        "e-mail",
        words("email emails emailadresse mailadresse courriel"),
        phrases=("e mail", "correo electronico"),
        alone=names("mail", "correo"),
        of_values=True,
    ),
    Sign(
        "IP address",
        frozenset(),
        phrases=(
            "ip address", "ip addr", "ip adresse", "adresse ip", "direccion ip", "remote addr",
            "forwarded for",
        ),
        last=words("ip ipv"),
    ),
    Sign(
        "user agent",
        frozenset(),
        alone=names(
            *("ua", "ua string", "user agent", "user agent string"),
            *("browser user agent", "http user agent", "request user agent"),
        ),
    ),
    Sign(
        "device id",
        words("imei imsi iccid meid udi udid idfa gaid seriennummer"),
        phrases=(
            "device id", "device identifier", "serial number", "mac address", "android id", "advertising id",
            "numero de serie",
        ),
        alone=names("serial", "device serial", "mac"),
        of_values=True,
    ),
    Sign(
        "address",
        words(
            "address addr street zip zipcode postcode postal strasse hausnummer anschrift adresse plz",
            "postleitzahl direccion domicilio domicile residence fips zcta endereco logradouro bairro cep",
            "indirizzo adres straat straatnaam huisnummer",
        ),
        phrases=("add line", "post code", "codice postale"),
        alone=names("rue", "calle", "str", "cp", "c p"),
    ),
    Sign(
        "location",
        words("latitude longitude lat lng lon coordinates birthplace munic municip"),
        phrases=("municipio residencia", "municipio de residencia"),
        last=words(
            "city cities town county counties village wohnort ville ciudad municipio localidad cidade citta",
            "woonplaats gemeente",
        ),
        alone=names("city name", "county name", "ort", "stadt", "gemeinde", "commune", "comune", "poblacion"),
        coded=True,
    ),
    Sign(
        "account number",
        words("iban card auftraggeberkonto kontonummer kontonr rekeningnummer acct"),
        phrases=(
            "account number", "bank account", "hsp account", "routing number", "sort code",
            "numero de compte",
            "numero de cuenta",
        ),
        alone=names("konto", "konto number"),
        of_values=True,
    ),
    Sign(
        "identity number",
        words(
            "passport itin nino aadhaar reisepass personalausweis ausweisnummer steuernummer passeport",
            "burgerservicenummer",
        ),
        phrases=(
            "tax id", "tax number", "taxpayer id", "national id", "nhs number",
            "identity card", "id card", "steuer id", "codice fiscale",
        ),
        alone=names(
            "tin", "dni", "nie", "dni nie", "idnr", "nif", "nir", "curp", "cpf", "bsn", "pasaporte", "cip",
            "nip", "rg",
        ),
        of_values=True,
    ),
    Sign(
        "vehicle",
        words("vin kennzeichen kenteken fahrgestellnummer immatriculation"),
        phrases=(
            "license plate", "licence plate", "number plate", "plate number", "vehicle id", "vehicle number",
            "vehicle registration", "vehicle serial",
        ),
        alone=names("plate", "matricula", "placa"),
        of_values=True,
    ),
    Sign(
        "licence or certificate",
        words("fuhrerschein fuhrerscheinnummer rijbewijs rijbewijsnummer"),
        phrases=(
            "license number", "licence number", "license id", "licence id", "certificate number",
            "certificate id", "drivers license", "driver license", "driving licence", "dea number",
            "permis de conduire", "dl number", "number colegiado", "numero colegiado",
        ),
        last=words("license licence"),
        alone=names("drivers", "dea"),
        of_values=True,
    ),
    Sign(
        "demographic",
        words(
            "marital familienstand pronouns nationality nationalite nacionalidad nacionalidade citizenship",
            "immigration staatsangehorigkeit nazionalita cittadinanza nationaliteit",
        ),
        phrases=(
            "civil status", "etat civil", "estado civil", "relationship status", "ben sex",
            "situation familiale", "stato civile", "burgerlijke staat",
        ),
        last=words("gender sex geschl geschlecht sexe sexo sesso geslacht"),
        alone=names("genero"),
        coded=True,
    ),
    Sign(
        "ethnicity or religion",
        words(
            "hispanic ethnicity ethnic ethnoracial ethnie etnia religion religiao religione godsdienst",
            "konfession",
        ),
        phrases=("patient race", "raca cor"),
        alone=names("race", "raca"),
        coded=True,
    ),
    Sign(
        "photo or biometrics",
        words(
            "photo photos photograph selfie headshot avatar fingerprint fingerprints biometric biometrics",
            "faceprint voiceprint fingerabdruck passbild lichtbild",
        ),
        phrases=("profile picture", "profile image", "voice print", "face id", "retina scan", "iris scan"),
        alone=names("picture", "foto", "bild"),
        of_values=True,
    ),
    Sign(
        "URL",
        words("urls attachment attachments"),
        last=words("url uri website homepage webpage permalink webseite"),
        of_values=True,
    ),
)  # fmt: skip
"""The first that fits wins."""

ABOUT_VALUES: Final = words("count counts type types status strength brand")
"""A name that ends so tells of a value, but is none: `password_strength`, `photo_count`."""

OF_A_MAKE: Final = words("brand model")
"""Nor is one with these in it: `mobile_model_name`."""

CODED: Final = (
    ("concept", "id"), ("source", "concept", "id"), ("source", "value"), ("ident", "cd"),
    *((word,) for word in ("c", "cd", "code", "desc", "display", "dsc", "number", "text")),
)  # fmt: skip
"""How names end that say in which form a value is written."""

CONTESTS: Final = words(
    "bib distance finish finisher heat lap laps pace position runner track winner",
)
"""Where another column's name has `race` beside one of these, races are run."""

OF_MACHINES: Final = (("web", "vitals"),)
"""Phrases that sound like people, and are of none."""

COUNTED: Final = words("count counts clicks visits views opens ms")
"""Numbers so named count or measure what the words before speak of: `cell_count`, `email_clicks`."""
