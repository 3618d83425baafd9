"""`ours inspect` on the columns that number people and events, as exports of several languages call them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours

NOW = datetime.now(UTC).isoformat()
OF_PEOPLE = (
    "Kunden-Nr", "Kunden-Nr.", "Kundennr.", "Kundennummer", "KundenNr", "No. client", "N° client",
    "Nº cliente", "Cliente ID", "ID cliente", "Código de cliente", "Code client", "Codice cliente",
    "Numéro du client", "Customer No.", "Customer Number", "customer_no", "Client #", "Klantnummer",
    "Klant-ID", "ID utente", "Benutzer-ID", "Mitglieds-ID", "num_client", "Número de cliente",
)  # fmt: skip
OF_EVENTS = (
    "Termin-Nr", "Termin-ID", "Terminnummer", "Rechnungsnr.", "Rechnungs-Nr.", "Rechnungsnummer",
    "N° commande", "No. de commande", "numero_pedido", "Nº de pedido", "Numero fattura", "Numero d'ordine",
    "Bestellnummer", "Bestelnummer", "Factuurnummer", "Auftragsnr", "Buchungsnummer", "Booking Ref",
    "Invoice No.", "Invoice #", "N° facture", "Nº factura", "ID cita", "Appt ID", "AppointmentID", "N° RDV",
    "Order No", "Ticket-Nr.", "ID appuntamento", "Afspraaknummer", "Vorgangsnummer", "Belegnummer",
    "reservation_number", "VisitID",
)  # fmt: skip
NEITHER = (
    "Clients", "client_type", "Number of clients", "order_status", "no", "Terminal", "Postnr",
    "Artikel-Nr.", "product_code", "order_line_number", "Hausnr", "Client order", "Kunde", "Rechnungsdatum",
    "page_no",
)  # fmt: skip


def proposal_of(ours: Ours, path: Path, name: str) -> dict[str, Any]:
    path.write_text(f"event,time,{name}\nVisit,{NOW},4711-A\nCall,{NOW},4712-B\n", "utf-8")
    ended = ours("inspect", path, "-o", "json")
    assert ended.code == 0, ended.err
    proposal: dict[str, Any] = ended.json["proposal"]
    return proposal


@pytest.mark.parametrize("name", OF_PEOPLE)
def test_what_numbers_people_says_whom_a_row_is_about(name: str, ours: Ours, tmp_path: Path) -> None:
    assert proposal_of(ours, tmp_path / "a.csv", name)["externalId"] == f"{{{name}}}"


@pytest.mark.parametrize("name", OF_EVENTS)
def test_what_numbers_events_is_the_distinct_id(name: str, ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", name)
    assert (proposal["externalId"], proposal["distinctId"]) == (None, f"{{{name}}}")


@pytest.mark.parametrize("name", NEITHER)
def test_what_only_sounds_like_an_id_is_none(name: str, ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", name)
    assert (proposal["externalId"], proposal["distinctId"]) == (None, None)


def test_a_number_of_the_event_itself_comes_before_that_of_its_order(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"event,time,Bestellnr.,Transaction ID\nPaid,{NOW},A-1,T-1\nPaid,{NOW},A-2,T-2\n")
    assert ours("inspect", path, "-o", "json").json["proposal"]["distinctId"] == "{Transaction ID}"


def test_numbers_that_a_spreadsheet_cut_are_no_distinct_id(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Order ID;event;time\n2,39420E+18;Paid;{NOW}\n8674918934;Paid;{NOW}\n")
    proposal = ours("inspect", path, "-o", "json").json["proposal"]
    assert proposal["distinctId"] is None
    assert proposal["notes"] == [
        "'Order ID' holds numbers in scientific notation: a spreadsheet cut their last digits; sent as text"
    ]
