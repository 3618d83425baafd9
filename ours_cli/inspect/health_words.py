"""The words of column names that speak of health, as data (see `sensitive_words`): by language, in order."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.vocabulary import Sign, names, words

_ENGLISH: Final = words(
    "abortion acne adhd ailment allerg allergen allergens allergies allergy amh anamnesis anxiety apgar",
    "apnea assessment assessments asthma autism biopsy bmi breastfeeding cancer cardiac catheter cgm chemo",
    "chemotherapy cholesterol clinical comorbid comorbidities comorbidity complaint complaints condition",
    "conditions contraception contraceptive contraceptives copd covid cpt creatinine dbp death deceased",
    "dental depression dgns diabetes diabetic diabp diag diagnosed diagnoses diagnosis dialysis diastolic",
    "disability disease dod dosage dose drg drug drugs dx dxcode ecg egfr ekg embryo encounterclass",
    "epilepsy erectile esrd estradiol fertility follicle fsh gestation gestational glp glucose gravida",
    "haemoglobin hba hcpcs hdl hemoglobin hepatitis hgb hiv hospice hrv hypertension icd icu illness",
    "immunization immunizations iop ivf lab labs ldl lesion lesions libido lmp loinc medication medications",
    "meds menopause menstrual menstruation miscarriage morbidity mortality mri ndc obesity oncology opioid",
    "overdose ovulation palliative pathology phq postpartum prcdr pregnancy pregnant prenatal prescription",
    "prescriptions procedure procedures prognosis psychiatric psychotherapy radiology reasoncode",
    "reasondescription respirations respiratory rxnorm sbp smoker smoking snomed sperm spo sti suicidal",
    "suicide surgeries surgery surgical symptom symptoms sysbp systolic therapy tobacco transferrin",
    "transplant treatment triglycerides trimester tsh tuberculosis tumor tumour vacc vaccinated vaccination",
    "vax fhx hx pmh pmhx shx htn ckd imms preg vaccine vaccines vitals wbc wheelchair wound wounds xray",
)
_ENGLISH_PHRASES: Final = (
    "a 1 c", "alcohol use", "blood group", "blood pressure", "blood sugar", "blood type",
    "body fat", "body temperature", "body weight", "bp dia", "bp sys", "cause of death", "chief complaint",
    "eating disorder", "expire flag", "fam hx", "family history", "gad 7", "gender identity", "goal weight",
    "hair loss", "head circ", "head circum", "head circumference", "health goal", "health goals",
    "hearing loss", "heart rate", "med history", "med name", "medical history", "mental health", "o 2 sat",
    "oxygen sat", "oxygen saturation", "presenting problem", "problem list", "pulse ox", "pupil distance",
    "reason for visit", "resp rate", "resting hr", "rsn visit", "rx date", "rx id", "viral load",
    "med list", "cd 4", "rx name", "rx number", "rx sig", "rx status", "sexual activity",
    "sexual orientation", "social history", "sp o", "std history", "std result", "std test",
    "stress level", "substance use", "surg hx", "test result", "test results", "visit reason", "vo 2",
    "vo 2 max", "waist circ", "weight goal", "weight loss",
)  # fmt: skip
"""With what schemas shorten, and codes such as ICD, SNOMED and CPT."""
_GERMAN: Final = words(
    "allergie allergien anamnese arznei arzneimittel aufnahmegrund beatmung beatmungsstunden befund",
    "befunde befundtext behandlung behandlungsgrund beschwerde beschwerden besuchsgrund blutdruck",
    "blutgruppe blutzucker diagnose diagnosen einweisungsgrund entlassungsgrund erkrankung",
    "erkrankungen impf impfstatus impfstoff impfung impfungen krankheit krankheiten laborwert",
    "laborwerte medikament medikamente medikation pflegegrad pflegestufe raucher schwanger",
    "schwangerschaft sterbedatum symptome therapie todesdatum uberweisungsgrund verstorben",
)
_GERMAN_PHRASES: Final = (
    "grund des besuchs", "ops code", "ops kode",
)  # fmt: skip
_FRENCH: Final = words(
    "antecedents cardiaque ccam decede deces dgn diastolique gestationnel glycemie grossesse maladie",
    "maladies medicament medicaments ordonnance posologie symptomes systolique tabac traitement vaccin",
)
_FRENCH_PHRASES: Final = (
    "diagnostic associe", "diagnostic principal", "diagnostic relie", "groupe sanguin",
    "motif de consultation", "motif de la consultation", "motif hospitalisation", "motif rdv",
    "poids naissance", "tension arterielle",
)  # fmt: skip
_SPANISH: Final = words(
    "alergia alergias antecedentes cardiaca colesterol defuncion diagnostico diagnosticos diastolica",
    "embarazada embarazo enfermedad enfermedades exitus fallecimiento fumador glucemia imc medicacion",
    "medicamento medicamentos sintoma sintomas sistolica tratamiento vacuna vacunas",
)
_SPANISH_PHRASES: Final = (
    "codigo cie", "enfermedad actual", "grupo sanguineo", "motivo alta", "motivo consulta",
    "motivo de consulta", "motivo de ingreso", "motivo de la consulta", "motivo de la visita",
    "motivo ingreso", "tension arterial",
)  # fmt: skip
_ITALIAN: Final = words(
    "allergia anamnesi chirurgia chirurgico decesso diagnosi dosaggio farmaci farmaco fumatore fumatrice",
    "gravidanza incinta malattia malattie medicinale medicinali patologia patologie prescrizione",
    "prescrizioni referti referto ricovero sintomi sintomo terapia terapie vaccinazione vaccinazioni vaccini",
    "vaccino",
)
_ITALIAN_PHRASES: Final = (
    "gruppo sanguigno", "motivo della visita", "motivo visita", "pressione arteriosa", "quesito clinico",
)  # fmt: skip
_DUTCH: Final = words(
    "aandoening aandoeningen allergieen behandeling behandelingen bloeddruk bloedgroep bloedsuiker",
    "geneesmiddel geneesmiddelen hartslag hulpvraag klacht klachten labuitslag labuitslagen medicatie",
    "medicijn medicijnen opnamereden overleden overlijdensdatum roker symptomen vaccinatie vaccinaties",
    "verwijsreden voorgeschiedenis ziekte ziekten ziektes zwanger zwangerschap",
)
_DUTCH_PHRASES: Final = ("reden bezoek", "reden van bezoek", "reden opname", "reden van opname")
_PORTUGUESE: Final = words(
    "doenca doencas etilista gestant gestante glicemia gravidez hipotese medicacao morte obito",
    "prescricao queixa tabagista vacina vacinas",
)
_PORTUGUESE_PHRASES: Final = (
    "pressao arterial", "resultado exame", "tipo sanguineo",
)  # fmt: skip

HEALTH_SIGN: Final = Sign(
    "health",
    _ENGLISH | _GERMAN | _FRENCH | _SPANISH | _ITALIAN | _DUTCH | _PORTUGUESE,
    phrases=(
        *_ENGLISH_PHRASES, *_GERMAN_PHRASES, *_FRENCH_PHRASES, *_SPANISH_PHRASES, *_ITALIAN_PHRASES,
        *_DUTCH_PHRASES, *_PORTUGUESE_PHRASES,
    ),
    alone=names(
        "bp", "dead", "diagnostic", "findings", "hpi", "problem", "receta", "recept",
        "rezept", "ricetta", "ricette", "rx", "sig", "sx",
    ),
)  # fmt: skip
"""Looked for after the other signs, and after names: a prescription's number is no more than health."""
