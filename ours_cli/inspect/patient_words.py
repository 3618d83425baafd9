"""Words of column names that speak of a patient only where the table does, as data (see `sensitive_words`).

A shop's `weight` is a parcel's; beside a medical record number or two columns of health it is a person's.
"""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.health_words import HEALTH_SIGN
from ours_cli.inspect.person_words import PATIENTS_IN_FRONT
from ours_cli.inspect.vocabulary import Sign, names, words

AMONG_PATIENTS: Final = (
    Sign(
        "age",
        frozenset(),
        phrases=("age on",),
        alone=names("age", "alter", "edad", "eta", "idade"),
        of_values=True,
        coded=True,
    ),
    Sign("patient id", frozenset(), alone=names("pid", "pubpid")),
    Sign("case number", frozenset(), alone=names("fin")),
    Sign("insurance id", frozenset(), alone=names("kasse")),
    Sign("address", frozenset(), alone=names("cap")),
    Sign("ethnicity or religion", frozenset(), last=words("race raca"), alone=names("race name"), coded=True),
    Sign(
        "demographic",
        words(
            "beroep beruf education employer escolaridade homeless occupation occupazione ocupacao",
            "profession professione profissao",
        ),
        coded=True,
    ),
    Sign(
        HEALTH_SIGN.what,
        words(
            "sx abnormal acuity alcohol alcool ald axis bodysite bp bpd bps calories careunit cie cim",
            "circumference cough cramps cylinder diagnostic diast drinks egg esame esami exam exame fever",
            "gaf oxygen pain procedimiento psa puls pulse pulsfrequenz px qual refills rehab respiration",
            "sleep specimen sphere substance syst temperatur temperature testosterone tooth trauma",
            "triage vital vitamin waist",
        ),
        phrases=(
            "anatomic site", "body site", "care unit", "contact lens", "cycle day", "cycle number",
            "days supply", "department id", "department name", "dept id", "dept name", "discharge location",
            "eye color", "eye pressure", "lens power", "libelle acte",
            "normal high", "normal low", "observation value", "ord number value", "ord value", "range high",
            "range low", "range lower", "range upper", "ref range", "reference high", "reference low",
            "reference range", "references range", "result val", "result value", "resultado", "ta dia",
            "ta sys", "test name", "value as number", "value as string", "value quantity",
        ),
        alone=names(
            "imm", "abteilung", "abx", "afdeling", "altezza", "altura", "bun", "cause", "cc", "chf",
            "department", "dm", "dsm", "fachabteilung", "fachrichtung", "intervento", "lengte", "operatie",
            "plt", "psh", "reparto", "ros", "rr", "specialisme", "specialty", "tx", "tx plan",
            "uitslag", "ward", "cid", "component name", "diet", "discharge disposition",
            "disposition", "edd", "exercise", "gad", "gcs", "gewicht", "grosse", "height",
            "hr", "ht", "interpretation", "lh level", "los", "measurement", "med", "mood",
            "observation", "od", "ops", "parity", "pd", "pdx", "peso", "poids", "problem", "proc",
            "proc name", "appointment type", "appt type", "dept", "encounter type", "prc", "prc name",
            "service", "service line", "service name", "service type", "visit type", "reaction",
            "result number", "route", "sao", "severity", "surf", "surface",
            "taille", "talla", "temp", "va od", "va os", "value number", "weight", "wt",
        ),
        coded=True,
    ),
)  # fmt: skip

OF_THE_BODY: Final = PATIENTS_IN_FRONT | words(
    "admission anchor answers aufnahme birth body case current discharge geburts intake korper nu",
    "resting vital",
)
"""In front of what is measured they add nothing: `vitalWt` is "wt"."""

MEASURED_IN: Final = words(
    "avg bpm cm deg f ft g in inches kg lb lbs max mean method min mmhg number ounce ounces oz pct",
    "percent score",
)
"""Nor do these behind it: `weight_kg` is "weight"."""

OF_THINGS_TOO: Final = words(
    "assessment assessments condition conditions dose lab labs problem procedure procedures treatment",
)
"""Signs of health that make no table one of patients: goods are in a condition, and tests have treatments."""
