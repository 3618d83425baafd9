"""The words of column names that name people, or hold what people wrote, as data (see `sensitive_words`)."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.vocabulary import Sign, names, words

PATIENTS: Final = words("patient pacient paciente patienten paziente pazienti")
PATIENTS_IN_FRONT: Final = PATIENTS | words("bene pat pt ptnt")
"""With the ways in which schemas shorten them, in front only: `title_pt` is Portuguese."""

OWNERS: Final = PATIENTS_IN_FRONT | words("client member person subject")
"""In front of what a column holds they say whose it is, as `PATIENTS` do anywhere: `Client Age`."""

OF: Final = words("of de del do da du des")
"""Beside one of `PATIENTS` they say no more: `sexo_do_paciente`."""

PATIENT_PHRASES: Final = (
    *(
        f"{patient} {key}"
        for patient in sorted(PATIENTS_IN_FRONT)
        for key in ("id", "number", "key", "durable key", "guid", "uid", "identifier", "reference")
    ),
    "patient control number", "subject id", "subject reference", "person source value", "id patient",
    "id paciente", "id paziente", "number dossier", "number historia", "empi", "ipp",
)  # fmt: skip
"""Of a patient, not of a stay: one that counts cases (`Fallnummer`, CSN) has a sign of its own."""

PEOPLE: Final = PATIENTS | words(
    "user customer buyer seller client contact invitee guest member person people host owner",
    "employee attendee recipient sender payer payee cardholder holder subscriber guarantor doctor",
    "physician provider staff practitioner ship shipping billing bill first last full given family middle",
    "maiden emergency spouse parent guardian guardians mother mothers father fathers nurse therapist",
    "caregiver carer licensee legal preferred subject performer insured caller agent your kunde kunden",
    "cliente klant utente cust lead participant respondent pcp dr child baby nok mae pai madre padre mere",
    "pere mutter vater supervisor arzt medecin medico officer surgeon clinician prov prsnl phys",
)
NAME_WORDS: Final = names("name", "names", "nom", "nombre", "nome", "naam", "display", "alias")
"""Beside one of `PEOPLE` they mean a person's name."""

NAME_PARTS: Final = words("first full last maiden mi middle")
"""So do these, where they come last: `pat_last`, but not `last_visit`."""

PERSON: Final = Sign(
    "name",
    words(
        "surname forename forenames firstname lastname fullname nickname username fname lname mname",
        "vorname nachname familienname geburtsname rufname zuname patientenname kundenname",
        "prenom apellido apellidos sobrenome kin cognome voornaam voorletters achternaam roepnaam",
        "meisjesnaam familienaam tussenvoegsel tussenvoegsels",
    ),
    phrases=(
        "emergency contact", "next of kin", "middle initial", "notfallkontakt", "nom de famille",
        "nom usuel", "nome social", "contacto de emergencia", "f name", "l name", "m name", "middle i",
        "contact person", "nick name", "behandelend arts", "medico curante", "responsible party",
        "personne a prevenir",
    ),
    alone=names(
        *("buyer", "seller", "customer", "client", "patient", "payer", "payee", "recipient", "sender"),
        *("invitee", "guest", "owner", "kunde", "kundin", "patientin", "patient in", "paciente", "paziente"),
        *("nom", "nombre", "nombres", "nom complet", "nombre completo", "nome", "nome completo"),
        *("ansprechpartner", "hausarzt", "first", "middle", "last", "maiden", "mi", "login", "spouse"),
        *("guarantor", "physician", "dr", "naam", "huisarts", "contactpersoon", "behandelaar"),
    ),
    last=words(
        "cashier clerk clinician counselor dentist hygienist inspector midwife officer optometrist",
        "paramedic pharmacist prescriber surgeon technician anasthesist angehoriger einweiser operateur",
        "uberweiser zuweiser facultativo praticien prescripteur",
    ),
)  # fmt: skip

SPECIALISTS: Final = ("iatrist", "ologist")
"""How words end that say what a person is."""

PERSON_IF_CAPITALS: Final = names("from", "to", "host", "created by", "assigned to")
"""Names of people where some value is written like one."""

PEOPLE_IF_CAPITALS: Final = words(
    "provider doctor contact kontakt parent guardian arzt medecin medico member subscriber caller agent",
    "author participant respondent assignee approver reporter attending pcp holder party enrollee mother",
    "father physician phys prov manager supervisor coach nurse therapist caregiver carer gp witness",
    "signature traitant tratante referent responsable responsavel worker lead",
    "adviser advisor analyst associate caseworker consultant coordinator employee exec instructor md",
    "applicant receptionist rep requester requestor salesperson submitter",
    "scheduler staff stylist teacher trainer bearbeiter behandler berater",
    "mitarbeiter sachbearbeiter conseiller infirmier infirmiere vendeur infermiere operatore medewerker",
)
"""With one of these last, names of people where most values are written like one."""

DOCTORS: Final = words("arzt arztin doctor dr medecin medico physician")
"""Likewise, with one of these anywhere: `medico_de_cabecera`."""

BY: Final = names("by", "par", "por", "von")
"""Likewise, with one of these last: `completed_by`."""

ACTS_OF_PEOPLE: Final = words(
    "administered approved authorized dispensed examined interviewed notified performed prescribed referred",
    "reviewed seen signed treated vaccinated verified witnessed",
)
"""What only people do: before `by`, whoever did it is a person, however that is written."""

ASKING_WORDS: Final = words("you your sie ihr ihre vous votre usted")
"""A name that speaks to somebody is a question, and what stands under it the answer, of whatever kind."""

ANSWER_WORDS: Final = ASKING_WORDS | words(
    "response answer antwort antwoord reponse respuesta risposta question frage pregunta domanda vraag"
)
"""Here a bare yes or no tells as much as a sentence."""

FREE_TEXT_LAST: Final = words("asunto assunto betreff body objet oggetto onderwerp subject")
"""Of a message, where they come last: `email_body`, but not `body_site` and `subject_id`."""

FREE_TEXT_WORDS: Final = ANSWER_WORDS | words(
    "note notes comment comments message messages remark remarks memo feedback reason cancellation bio",
    "description narrative transcript arztbrief details detalles freitext inquiry notiz notizen bemerkung",
    "bemerkungen kommentar kommentare nachricht nachrichten anmerkung anmerkungen anliegen",
    "commentaire commentaires remarque remarques comentario comentarios",
    "opmerking opmerkingen toelichting bericht berichten commento commenti messaggio messaggi annotazioni",
    "osservazioni mensaje mensajes observacion observaciones observacao observacoes mensagem",
)
