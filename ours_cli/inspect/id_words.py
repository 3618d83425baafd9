"""The words by which columns number people and events, as data, written as `sensitive_words` are."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.person_words import OF
from ours_cli.inspect.vocabulary import words

_WRITTEN: Final = {
    "customer": "customer kunde kunden klant",
    "client": "client cliente",
    "user": "user benutzer nutzer gebruiker utilisateur usuario utente",
    "member": "member mitglied mitglieds membre miembro",
    "contact": "contact kontakt contacto contatto",
    "transaction": "transaction transaktions vorgang vorgangs transaccion transazione transactie",
    "order": "order auftrag auftrags bestell bestellung bestel bestelling commande pedido ordine",
    "payment": "payment zahlungs betaling paiement pago pagamento",
    "invoice": "invoice rechnung rechnungs factuur facture factura fattura",
    "appointment": "appointment appt termin afspraak rdv cita appuntamento",
    "booking": "booking reservation buchung buchungs reservierungs boeking reserva prenotazione",
    "ticket": "ticket",
    "receipt": "receipt beleg quittungs recibo ricevuta",
    "visit": "visit besuchs bezoek visite visita",
}
NUMBERED: Final = {written: noun for noun, all_of_it in _WRITTEN.items() for written in all_of_it.split()}
"""What is numbered, by each way to write it; in the singular, since `num_orders` counts them."""

_NUMBER_WORDS: Final = words("id uuid guid number numero ref reference code codigo codice")
_BETWEEN: Final = OF | words("d der dell della van la")


def numbered(name: tuple[str, ...]) -> str:
    """`customer id` for the words of `Kunden-Nr.` or `N° de client`; empty for those of anything else."""
    nouns = [word for word in name if word not in _NUMBER_WORDS | _BETWEEN]
    is_number = len(nouns) == 1 and nouns[0] in NUMBERED and not _NUMBER_WORDS.isdisjoint(name)
    return f"{NUMBERED[nouns[0]]} id" if is_number else ""
