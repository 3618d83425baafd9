"""What `ours inspect` flags: secrets, the identifiers of HIPAA's Safe Harbor, health; in seven languages."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours

from ours_cli.inspect.kinds import SHAPE, kind_of

NOW = "2026-03-01T10:00:00Z"


def proposal_of(
    ours: Ours, path: Path, columns: dict[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The proposal for a table of events with these columns, and the flag of each."""
    rows = zip(*columns.values(), strict=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["event", "time", "customer_id", *columns])
        writer.writerows(["Visit", NOW, f"c{at}", *row] for at, row in enumerate(rows))
    found = ours("inspect", path, "-o", "json").json
    return found["proposal"], {column["name"]: column["flag"] for column in found["columns"]}


BY_NAME = {
    "secret": (
        "Password", "Pass\nword", "Auth Token", "session_secret", "API Key", "apikey", "accessToken",
        "refresh_token", "PIN", "client_secret", "private_key", "Cookie", "password_hash", "Passwort",
        "Mot de passe", "password_hash", "Contraseña", "CVV", "OTP",
    ),
    "SSN": (
        "SSN", "Social Security No.", "Sozialversicherungsnummer", "N° Sécurité sociale", "patientssn",
        "NSS", "Numéro Sécu", "SV-Nummer", "SSNumber", "ssnumber",
    ),
    "medical record number": (
        "Chart #", "Chart No.", "MRN", "NHC", "Med Rec No", "numero_prontuario", "Nº Historia",
    ),
    "case number": ("Fallnummer", "Fall-ID", "PAT_ENC_CSN_ID", "hadm_id", "Numéro de séjour"),
    "insurance id": (
        "rx_bin", "RxPCN", "Tessera sanitaria", "Zorgverzekeraar", "Polisnummer", "appt ins pkg name",
        "ins_plan",
        "Policy", "Policy #", "Group Number", "Member ID", "member_id", "Member #", "Krankenkasse",
        "Versichertennummer", "Mutuelle", "Beneficiary ID",
        "Claim Number", "BENE_ID", "insName", "KV-Nummer", "Kostenträger", "plano_saude", "Tarjeta_Sanitaria",
    ),
    "date of birth": (
        "Data di nascita", "Nato il", "Geboortedatum",
        "Geburtstag", "Date de naissance", "Fecha de nacimiento", "patientdob", "dateofbirth", "datebirth",
        "birthdt", "GebDat", "GEB_DATUM", "geb", "Geb.-Datum", "Geb.Dat.", "Fecha Nac.", "FecNac", "Né le",
        "Né(e) le", "D.O.B.", "Born", "born_on", "Bday", "bdate", "YOB",
        "BENE_BIRTH_DT", "DDN", "F.Nac.", "Geburtsmonat", "date_naiss", "dt_nascimento",
    ),
    "age": (
        "age", "Patient Age", "Edad", "AgeNBR", "Client Age", "idade_paciente", "Patientenalter", "Leeftijd",
    ),
    "phone": (
        "Cellphone", "Fax", "Telefon", "Handy", "Téléphone", "Te\u0301le\u0301phone", "Teléfono", "Móvil",
        "phoneNumber", "Phone 2",
        "mobilephone", "homephone", "WhatsApp", "Caller Number", "ANI", "Tel.-Nr.", "Handynr",
        "phonenum", "home_ph", "Ph #",
    ),
    "e-mail": ("Correo electrónico", "Courriel", "EmailAddress"),
    "IP address": ("ip", "IPAddress", "IP-Adresse", "remote_ip"),
    "device id": ("Device Serial #", "serial_number", "IMEI", "device_id", "MAC Address"),
    "address": (
        "Indirizzo", "Adres", "Straatnaam", "Codice postale",
        "PLZ", "Straße", "Strasse", "Adresse", "Code postal", "Dirección", "Street", "ADD_LINE_1",
        "ADDR_LINE_1", "streetaddress", "billing_addr", "Wohnadresse", "Post Code", "CP", "fips",
        "endereco", "bairro", "CEP",
    ),
    "location": ("City", "county", "Wohnort", "Ort", "Ville", "Cities", "Counties", "CountyDSC", "cidade"),
    "account number": ("Account #", "Acct No", "Bank Account", "Konto-Nr.", "HSP_ACCOUNT_ID"),
    "identity number": (
        "Tax ID", "Passport No", "DNI", "Steuernummer", "National ID", "cpf_paciente", "BSN", "IDNR",
    ),
    "vehicle": ("License Plate", "VIN", "Kennzeichen", "Vehicle ID"),
    "ethnicity or religion": (
        "Race", "Ethnicity", "Ethnie", "Religion", "PATIENT_RACE_C", "PatientRaceDSC", "race_concept_id",
        "race_source_value", "PID-10_Race", "raca_cor", "RACACOR",
    ),
    "demographic": (
        "Sesso", "Geslacht", "Stato civile",
        "Gender", "sex", "MaritalStatus", "Familienstand", "État civil", "SEX_C", "SexDSC", "patsex",
        "BENE_SEX_IDENT_CD", "gender_source_value", "PID-8_AdministrativeSex", "sexo_paciente", "Nationality",
        "pronouns",
    ),
    "patient id": (
        "PAT_ID", "enterprisepatientid", "pt_id", "Patienten-ID", "Patienten-Nr.", "ID paciente", "PatNum",
        "PatientDurableKey", "PID-3_PatientIdentifier",
    ),
    "licence or certificate": ("License No", "Driver's License", "Certificate #", "Licence"),
    "photo or biometrics": ("Photo", "fingerprint", "avatar"),
    "URL": ("profile_url", "Website", "Attachments"),
    "health": (
        "Chief Complaint", "Assessment", "Test Result", "Diagnose", "Befund", "Medikament", "Diagnóstico",
        "Allergien", "Blood Pressure", "HbA1c", "Motif de consultation", "ICD10",
        "Diag", "primarydiagnosis", "diagnosiscode", "Presenting Problem", "Problem List", "Beschwerden",
        "Hauptdiagnose", "Vorerkrankungen", "Grund des Besuchs", "Antécédents", "Motif de la consultation",
        "Motivo de la consulta", "Motivo de la visita", "Maladies", "Enfermedades", "Medicación",
        "Sterbedatum", "Date of Death", "LMP", "bp_sys", "Tobacco_Use", "smoking_status",
        "bpsystolic", "systemicdiastolic", "egfr", "SpO2", "o2sat", "phq9_score", "blood_sugar", "sti_test",
        "Diagnosetext", "Diagnosesicherheit", "Aufnahmegrund", "Blutdruck", "Dauermedikation", "Impfstatus",
        "Fréquence cardiaque", "Diagnostic principal", "date_deces", "Motivo ingreso", "Glucemia",
        "Tensión arterial", "queixa_principal", "pressao_arterial", "data_obito", "gestante",
        "suicide_risk", "FamHx", "dialysis", "menstrual_cycle_day", "vitals_text", "last_vitals",
        "web_vitals_diagnosis",
        "Diagnosi", "Terapia", "Farmaco", "ricetta", "Malattia", "Sintomi", "Ricovero", "Referto",
        "Gravidanza", "data_decesso", "Gruppo sanguigno", "Motivo della visita", "Pressione arteriosa",
        "Vaccinazione", "Hoofddiagnose", "Behandeling", "Medicatie", "Medicatielijst", "recept", "Ziekte",
        "Klachten", "zwanger", "Bloeddruk", "Geneesmiddel", "Overlijdensdatum", "Reden van bezoek",
        "Allergieën", "Labuitslag", "hx", "PMHx", "fam_hx", "sx", "admitdx", "dx1", "px_dx", "icd10_cd",
        "cpt4", "htn", "viral_load", "cd4_count", "resp_rate", "rsn_visit", "vax_status", "rx_id", "allerg",
        "med_list", "CD4", "cd_4",
    ),
    "name": (
        "Emergency Contact", "Vorname", "Prénom", "Nom", "Nombre", "Apellido 1", "Next of Kin", "First",
        "PAT_NAME", "patientname", "patientfirstname", "patientlastname", "Caller Name", "Agent Name",
        "Your name", "Name of patient", "Patient:in", "Nom du patient", "Paciente", "Nombre del paciente",
        "Middle", "Forename", "Nachname des Patienten", "FName", "L_NAME", "pt_fname", "MI",
        "PatNm", "lastnm", "Customer_Nm", "PCP_Name", "Dr_Name", "Child_Name", "NOK_Name",
        "pat_last", "patfirst", "legal_first", "drname", "Arztname", "mother_maiden", "mname", "PatientAlias",
        "Ops Officer", "Nrc Notified By", "signed_by", "prescriber", "Einweiser", "Überweiser", "Praticien",
        "Cognome", "Nome paziente", "Nome del cliente", "Paziente", "Medico curante", "Voornaam",
        "Achternaam", "Tussenvoegsel", "Naam patiënt", "Huisarts", "Contactpersoon", "reviewed_by",
        "Administered By", "Lab Technician", "Field Inspector", "Pathologist", "Zuweiser", "PatientMI",
        "nome_mae", "nome_paciente", "NM_PACIENT", "nom_usuel",
    ),
    "free text": (
        "Bemerkung", "Commentaires", "Observaciones", "Antwort", "Réponse", "Respuesta", "Nachrichtentext",
        "Mensaje", "Observación", "Pregunta", "Details", "Ihr Anliegen", "What brings you in today?",
        "Opmerkingen", "Toelichting", "Messaggio", "Risposta 1", "Question 1", "Wie heißen Sie?",
        "Do you smoke?", "Subject", "conversation_subject", "Betreff", "Objet", "Message Body", "body",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "names"), BY_NAME.items(), ids=BY_NAME)
def test_what_a_name_says_is_flagged_and_left_behind(
    what: str, names: tuple[str, ...], ours: Ours, tmp_path: Path
) -> None:
    columns = {name: [f"q{at}a", f"q{at}b"] for at, name in enumerate(names)}
    proposal, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert {name: flags[name] for name in names} == dict.fromkeys(names, what)
    used = [proposal["externalId"], *proposal["properties"].values()]
    assert [name for name in names if any(f"{{{name}" in template for template in used)] == []


HARMLESS = {
    "status": "paid",
    "tokens_used": "871",
    "token_count": "12",
    "prompt_tokens": "12",
    "session_id": "s-1",
    "session": "Morning",
    "keyword": "x",
    "item_key": "k1",
    "plan": "gold",
    "policy_version": "v2",
    "group": "A",
    "chart_type": "bar",
    "plateau": "x",
    "license_type": "trial",
    "password_changed_at": NOW,
    "has_password": "true",
    "password_strength": "weak",
    "photo_count": "3",
    "page": "7",
    "tax": "1.20",
    "result": "won",
    "zone": "A",
    "spin": "left",
    "cookie_consent": "granted",
    "vintage": "1990",
    "capacity": "high",
    "telltale": "x",
    "hostname": "web-1",
    "product name": "Mug",
    "display": "grid",
    "rate_limit": "x",
    "order details id": "x",
    "question_id": "x",
    "response_time": "120",
    "youtube_views": "5",
    "sort_line": "x",
    "competition": "x",
    "passage": "x",
    "velocity": "fast",
    "devin": "x",
    "scorecard": "x",
    "appointmentstatus": "kept",
    "keynotes": "x",
    "banknotes": "x",
    "your_order": "7",
    "question_count": "3",
    "cell_count": "3",
    "email_clicks": "4",
    "mobile_visits": "5",
    "lat_ms": "12.5",
    "card_brand": "Visa",
    "card_type": "debit",
    "phone_type": "home",
    "email_status": "sent",
    "email_opened": "true",
    "soil_ph": "6.5",
    "mobile_model_name": "Pixel",
    "host": "web-1",
    "web_vitals_cls": "0.1",
    "weight": "2.5",
    "item_weight": "2.5",
    "Height (cm)": "20",
    "temperature": "20",
    "pulse": "3",
    "route": "/home",
    "severity": "high",
    "pid": "4711",
    "cid": "4711",
    "tooth": "x",
    "triage": "done",
    "std": "0.1",
    "last_visit": "spring",
    "first_page": "home",
    "last_campaign": "spring",
    "full_price": "2.50",
    "powered_by": "Steam",
    "sorted_by": "price",
    "officer_count": "3",
    "headphone": "wired",
    "zipper": "metal",
    "category_code": "x",
    "traffic_source": "x",
    "patent_number": "x",
    "path_id": "x",
    "mail_de": "x",
    "policy_pt": "x",
    "name_pt": "Caneca",
    "title_ua": "x",
    "tx_id": "x",
    "tx_hash": "x",
    "rx_bytes": "12",
    "RX MODE": "x",
    "px": "12",
    "width_px": "12",
    "cc": "x",
    "dm": "x",
    "rr": "x",
    "chf": "12",
    "cap": "x",
    "eta": "x",
    "department": "x",
    "reparto": "x",
    "afdeling": "x",
    "Lengte": "20",
    "operatie": "x",
    "arts": "x",
    "recipe": "x",
    "admin": "x",
    "dsm": "x",
    "user_agent_family": "Chrome",
}


def test_words_that_only_look_alike_are_not_flagged(ours: Ours, tmp_path: Path) -> None:
    columns = {name: [value, value] for name, value in HARMLESS.items()}
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert {name: flags[name] for name in HARMLESS if flags[name]} == {}


OF_A_PATIENT_OR_A_PARCEL = {
    "weight": "health", "Height (cm)": "health", "weight_ounces": "health", "temperature": "health",
    "resting_pulse": "health", "tooth": "health", "value_as_number": "health", "admissionheight": "health",
    "fever": "health", "case_age": "age", "Körpergewicht": "health", "Peso": "health", "severity": "health",
    "anchor_age": "age",
    "reparto": "health", "Afdeling": "health", "Department": "health", "tx": "health", "px1": "health",
    "cc_text": "health", "dm": "health", "sx_onset": "health", "Altezza": "health", "Lengte": "health",
    "Eta": "age", "CAP": "address", "Beroep": "demographic",
    "RTI_RACE_CD": "ethnicity or religion", "occupation": "demographic", "fin": "case number",
    "DEPARTMENT_NAME": "health", "department_id": "health", "dept name": "health", "appt type": "health",
    "VisitType": "health", "Appointment Type": "health", "PRC_NAME": "health", "Service": "health",
    "service_line": "health",
}  # fmt: skip


@pytest.mark.parametrize(
    "others",
    [("PAT_ID",), ("mrn",), ("patient_city",), ("diagnosis", "bmi"), ("measurement_concept_id",)],
    ids="+".join,
)
def test_what_things_have_too_is_flagged_in_a_table_of_patients(
    others: tuple[str, ...], ours: Ours, tmp_path: Path
) -> None:
    columns = {name: ["71", "72"] for name in OF_A_PATIENT_OR_A_PARCEL}
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns | {name: ["x1", "x2"] for name in others})
    assert {name: flags[name] for name in OF_A_PATIENT_OR_A_PARCEL} == OF_A_PATIENT_OR_A_PARCEL


def test_a_shops_columns_are_not_a_patients(ours: Ours, tmp_path: Path) -> None:
    columns = {name: ["71", "72"] for name in OF_A_PATIENT_OR_A_PARCEL}
    in_shops = {"condition": ["new", "used"], "treatment": ["A", "B"], "description_pt": ["a", "b"]}
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns | in_shops)
    assert {name: flags[name] for name in columns if flags[name]} == {}


def test_what_a_clinic_sells_is_not_flagged_beside_the_patients_id(ours: Ours, tmp_path: Path) -> None:
    names = ("order_value", "shipping_weight", "max_age_days", "page_route", "result_page", "plan", "rating")
    _, flags = proposal_of(
        ours, tmp_path / "a.csv", {"PAT_ID": ["P1", "P2"]} | {name: ["71", "72"] for name in names}
    )
    assert {name: flags[name] for name in names if flags[name]} == {}


def test_a_race_that_is_run_is_no_ethnicity(ours: Ours, tmp_path: Path) -> None:
    columns = {
        "race": ["Boston", "Berlin"], "race_id": ["17", "18"], "race_time": ["2:10:00", "2:09:00"],
        "race_distance": ["42.2", "42.2"],
    }  # fmt: skip
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert {name: flags[name] for name in columns if flags[name]} == {}


@pytest.mark.parametrize("name", ["CD4", "GAD-7", "gad7", "VO2"])
def test_a_measure_whose_name_ends_in_a_digit_is_flagged(name: str, ours: Ours, tmp_path: Path) -> None:
    _, flags = proposal_of(ours, tmp_path / "a.csv", {name: ["q1", "q2"]})
    assert flags[name] == "health"


def test_a_code_of_a_patients_problem_is_flagged(ours: Ours, tmp_path: Path) -> None:
    _, flags = proposal_of(
        ours, tmp_path / "a.csv", {"patient_id": ["p1", "p2"], "problem_code": ["q1", "q2"]}
    )
    assert flags["problem_code"] == "health"


@pytest.mark.parametrize("of", ["patient_id", "customer_id"])
def test_when_somebodys_race_was_noted_makes_it_none_that_is_run(of: str, ours: Ours, tmp_path: Path) -> None:
    columns = {of: ["p1", "p2"], "race": ["White", "Asian"], "race_recorded_date": ["2020", "2021"]}
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert flags["race"] == "ethnicity or religion"


@pytest.mark.parametrize("name", ["Fallnummer", "Aufnahmenummer", "Aufnahme-Nr."])
def test_a_case_says_not_whom_the_rows_are_about(name: str, ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{name},Fachabteilung,time\n4711,CHI,{NOW}\n4712,INN,{NOW}\n")
    proposal = ours("inspect", path, "-o", "json").json["proposal"]
    assert (proposal["externalId"], proposal["left_behind"][name]) == (None, "case number")


def test_a_date_of_death_is_not_the_time_of_a_visit(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("customer_id,date_of_death,visit\nc1,2026-02-03,2026-01-02\nc2,2026-02-04,2026-01-03\n")
    assert ours("inspect", path, "-o", "json").json["proposal"]["time"] == "{visit}"


@pytest.mark.parametrize(
    "name", ["patientdob", "dateofbirth", "GebDat", "Geb.-Datum", "Fecha Nac.", "Né le", "D.O.B.", "Bday"]
)
def test_a_date_of_birth_is_never_the_time_and_shows_no_range(name: str, ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"c{at},{13 + at}.03.1961,{24 + at}.11.2026" for at in range(3)]
    path.write_text("\n".join([f"customer_id,{name},appointmentdate", *rows]) + "\n")
    assert ours("inspect", path, "-o", "json").json["proposal"]["time"] == "{appointmentdate}"
    page = ours("inspect", path).out
    assert f"{name}: date of birth (by its name), left out below" in page
    assert "1961" not in page
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()) + "\n")
    alone = ours("inspect", path, "-o", "json").json
    assert (alone["proposal"]["runs"], alone["proposal"]["time"]) == ("identify", None)
    assert [time["first_ms"] for time in alone["times"]] == [None]


def test_a_count_of_what_speaks_of_health_speaks_of_it_too(ours: Ours, tmp_path: Path) -> None:
    _, flags = proposal_of(ours, tmp_path / "a.csv", {"diagnosis_count": ["1", "2"]})
    assert flags["diagnosis_count"] == "health"


def test_a_patients_id_says_whom_where_no_other_column_does(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"ApptID,PtID,event,time\nA1,P1,Visit,{NOW}\nA2,P1,Visit,{NOW}\n")
    assert ours("inspect", path, "-o", "json").json["proposal"]["externalId"] == "{PtID}"


BY_VALUE = {
    "phone": (
        "0170 1234567", "0170/1234567", "0049 170 1234567", "0049 (0)170 1234567", "+49 170/1234567",
        "(030) 123456", "01 23 45 67 89", "06.12.34.56.78", "020 7946 0958", "079 123 45 67", "555 123 4567",
        "1-800-555-1234",
    ),
    "secret": (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig-_1", "sk_live_4eC39HqLyjWDarjtT1", "AKIAIOSFODNN7EXAMPLE",
        "$2b$12$abcdefghijklmnopqrstuv", "Bearer abc.def-123", "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    ),
    "URL": ("https://example.org/me",),
}  # fmt: skip


@pytest.mark.parametrize(("what", "values"), BY_VALUE.items(), ids=BY_VALUE)
def test_what_values_say_is_flagged(what: str, values: tuple[str, ...], ours: Ours, tmp_path: Path) -> None:
    columns = {f"x{at}x": [value, value] for at, value in enumerate(values)}
    proposal, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert {name: flags[name] for name in columns} == dict.fromkeys(columns, what)
    assert proposal["properties"] == {}


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
AGENTS = (
    "user_agent", "userAgent", "useragent", "User-Agent", "ua", "http_user_agent", "context.userAgent",
    "user_agent_string", "browser",
)  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "ip", ["ip", "IP Address", "clientIp", "remote_addr", "x_forwarded_for", "Adresse IP", "visitor"]
)
def test_an_ip_and_an_agent_are_left_out_and_their_flags_named(
    ip: str, agent: str, ours: Ours, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    columns = {"plan": ["gold", "gold"], ip: ["192.0.2.7", "2001:db8::1"], agent: [AGENT, AGENT]}
    proposal, flags = proposal_of(ours, path, columns)
    assert (flags[ip], flags[agent]) == ("IP address", "user agent")
    assert proposal["properties"] == {"plan": "{plan}"}
    added = f"--ip '{{{ip}}}' --user-agent '{{{agent}}}'"
    assert [note for note in proposal["notes"] if added in note] == [
        f"{added} would add both as the end user's identityContext; an IP address tells who somebody is"
    ]
    words = shlex.split(proposal["command"].replace("\\\n", " ") + " " + added)
    sent = ours(*words[1:], "--max-age", "none", "-o", "json").json
    assert (sent["unsent"], sent["columns_left"]) == (2, [])


@pytest.mark.parametrize("only", [{"ip": ["192.0.2.7"] * 2}, {"user_agent": [AGENT] * 2}])
def test_one_of_the_two_is_not_enough_for_their_flags(
    only: dict[str, list[str]], ours: Ours, tmp_path: Path
) -> None:
    proposal, _ = proposal_of(ours, tmp_path / "a.csv", only)
    assert (proposal["properties"], proposal["left_behind"].keys()) == ({}, only.keys())
    assert "--ip" not in " ".join(proposal["notes"])


@pytest.mark.parametrize(
    "text",
    ["02139-1234", "01-02-2026", "01.02.2026 10:00", "0-306-40615-2", "0830 1200", "1 234 567", "02 03 2026"],
)
def test_what_is_no_phone_number(text: str) -> None:
    assert kind_of(text) != "phone"
    assert kind_of(text) == kind_of(text.translate(SHAPE))


@pytest.mark.parametrize(("name", "what"), [("Member ID", "insurance id"), ("device_id", "device id")])
def test_an_identifier_that_names_the_person_is_said_to_be_sent(
    name: str, what: str, ours: Ours, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{name},event,time\nW1,Visit,{NOW}\nW2,Visit,{NOW}\n")
    page = ours("inspect", path).out
    assert f"{name}: {what} (by its name), SENT by the command below" in page
    assert f"--external-id '{{{name}}}'" in page
    assert (f"{{{name}|hmac}}" in page) is (what == "insurance id")


def test_people_are_names_where_they_are_written_so(ours: Ours, tmp_path: Path) -> None:
    names = (
        "Member", "Subscriber", "Caller", "Author", "Assigned To", "Referring Provider", "Kontakt",
        "Supervisor", "Entered By", "Erstellt von", "Médecin traitant", "Médico de cabecera",
        "Account Manager", "host", "Sales Rep", "Case Worker", "Caseworker", "Employee", "Staff", "Analyst",
        "Attending MD", "Front Desk Coordinator", "Sachbearbeiter", "Mitarbeiter", "Behandler", "Medewerker",
        "Infirmier", "Infermiere", "Trainer", "Requester", "Submitter", "Applicant",
    )  # fmt: skip
    _, people = proposal_of(ours, tmp_path / "a.csv", {name: ["Ann Lee", "Tom Fox"] for name in names})
    _, others = proposal_of(ours, tmp_path / "b.csv", {name: ["gold", "silver"] for name in names})
    assert [people[name] for name in names] == ["name"] * len(names)
    assert [others[name] for name in names] == [None] * len(names)


def test_answers_are_free_text_also_where_they_are_yes_and_no(ours: Ours, tmp_path: Path) -> None:
    columns = {name: ["yes", "no"] for name in ("Response 1", "Do you smoke?", "Rauchen Sie?", "newsletter")}
    _, flags = proposal_of(ours, tmp_path / "a.csv", columns | {"How old are you?": ["30", "41"]})
    assert [name for name, flag in flags.items() if flag is None] == [
        "event",
        "time",
        "customer_id",
        "newsletter",
    ]
    assert flags["Rauchen Sie?"] == flags["How old are you?"] == "free text"


def test_what_a_name_says_holds_where_the_rows_seen_say_nothing(ours: Ours, tmp_path: Path) -> None:
    columns = {name: ["NULL", "NULL"] for name in ("Notes", "MiddleName", "plan")}
    proposal, flags = proposal_of(ours, tmp_path / "a.csv", columns)
    assert [flags[name] for name in columns] == ["free text", "name", None]
    assert proposal["properties"] == {}
    assert proposal["left_behind"]["plan"] == "nothing but words for nothing, such as NULL"
