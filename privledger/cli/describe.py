"""How records, grants, receipts and certificates look, as lines and as JSON.

Left to others: collecting them.
"""

from __future__ import annotations

from collections.abc import Sequence

from privledger.cli.output import clean, moment, plural, size_text, table
from privledger.protocol.certificate import Certificate
from privledger.protocol.receipt import Receipt
from privledger.protocol.terms import Terms, parse_terms
from privledger.sdk.owner import GrantView, HistoryLine, OutsiderView, RecordView
from privledger.wallet.notes import ReceivedGrant
from privledger_crypto import cbor

__all__ = [
    "certificate_document",
    "certificate_lines",
    "grant_lines",
    "history_document",
    "history_rows",
    "outsider_document",
    "outsider_lines",
    "receipt_document",
    "receipt_rows",
    "received_document",
    "received_rows",
    "record_document",
    "record_lines",
    "terms_document",
]


def terms_document(terms: Terms) -> dict[str, object]:
    """Terms for JSON."""
    return {
        "purposes": list(terms.purposes),
        "not_before": moment(terms.not_before),
        "not_after": moment(terms.not_after),
        "first_read": terms.first_read,
        "last_read": terms.last_read,
        "unit_price": terms.unit_price,
        "currency": terms.currency,
    }


def history_document(history: Sequence[HistoryLine]) -> list[dict[str, object]]:
    """A history for JSON."""
    return [
        {"index": one.index, "kind": one.kind, "height": one.height, "time": moment(one.time), "text": one.text}
        for one in history
    ]


def history_rows(history: Sequence[HistoryLine]) -> list[str]:
    """A history in columns."""
    return table(
        ("ENTRY", "BLOCK", "TIME", "WHAT"),
        [(str(one.index), str(one.height), moment(one.time), one.text) for one in history],
    )


def _grant_document(one: GrantView) -> dict[str, object]:
    return {
        "grant": one.grant.hex(),
        "label": one.label,
        "status": one.status,
        "terms": terms_document(one.terms),
        "index": one.index,
        "revoked_by": one.revoked_by,
        "fingerprint": one.fingerprint,
    }


def record_document(one: RecordView) -> dict[str, object]:
    """A record for JSON, without its history."""
    document: dict[str, object] = {
        "record": one.record.hex(),
        "status": one.status,
        "epoch": one.epoch,
        "index": one.index,
        "grants": [_grant_document(grant) for grant in one.grants],
    }
    if (described := one.descriptor) is not None:
        document |= {
            "title": described.title,
            "media_type": described.media_type,
            "size": described.size,
            "schema": described.schema,
            "tags": list(described.tags),
            "attributes": [list(attribute) for attribute in described.attributes],
            "derived_from": [record.hex() for record in described.derived_from],
            "blob_size": one.blob_size,
        }
    return document


def record_lines(one: RecordView) -> list[str]:
    """A record's own lines."""
    lines = [f"record      {one.record.hex()}", f"status      {one.status}"]
    if (described := one.descriptor) is not None:
        lines += [
            f"title       {clean(described.title)}",
            f"type        {described.media_type}",
            f"size        {size_text(described.size)}, sealed {size_text(one.blob_size or 0)}",
        ]
        lines += [f"schema      {clean(described.schema)}"] if described.schema else []
        lines += [f"tags        {clean(', '.join(described.tags))}"] if described.tags else []
        committed = ", ".join(f"{name} ({kind})" for name, kind in described.attributes)
        lines += [f"attributes  {clean(committed)}"] if committed else []
        lines += [f"made from   {record.hex()}" for record in described.derived_from]
    return lines


def grant_lines(one: GrantView) -> list[str]:
    """A grant's lines."""
    ended = f" by entry {one.revoked_by}" if one.revoked_by is not None else ""
    return [
        f"grant {one.grant.hex()}  {one.status}{ended}",
        f"  to     {clean(one.label) or '(no label)'}; fingerprint: {one.fingerprint}",
        f"  terms  {one.terms.describe()}",
    ]


def outsider_document(one: OutsiderView) -> dict[str, object]:
    """What the chain shows, for JSON."""
    return {
        "record": one.record.hex(),
        "status": one.status,
        "key": one.key.hex(),
        "commitment": one.commitment.hex(),
        "history": history_document(one.history),
    }


def outsider_lines(one: OutsiderView) -> list[str]:
    """What the chain shows, as lines."""
    return [
        f"record      {one.record.hex()}",
        f"status      {one.status}",
        f"key         {one.key.hex()}",
        f"commitment  {one.commitment.hex()}",
        "",
        *history_rows(one.history),
    ]


def receipt_document(one: Receipt) -> dict[str, object]:
    """A receipt for JSON."""
    return {
        "keeper": one.service.hex(),
        "grant": one.request.grant.hex(),
        "number": one.number,
        "read_number": one.request.number,
        "time": moment(one.time),
        "checkpoint_size": one.size,
        "units": one.units,
    }


def receipt_rows(receipts: Sequence[Receipt]) -> list[str]:
    """Receipts in columns."""
    rows = [
        (str(one.number), moment(one.time), str(one.request.number), str(one.size), one.service.hex())
        for one in receipts
    ]
    return table(("RECEIPT", "TIME", "READ", "AT SIZE", "KEEPER"), rows)


def certificate_document(one: Certificate) -> dict[str, object]:
    """An erasure certificate for JSON."""
    return {
        "keeper": one.service.hex(),
        "record": one.record.hex(),
        "time": moment(one.time),
        "pending": one.pending,
        "shares": len(one.lines),
        "backups_until": moment(one.backups_until) if one.backups_until else None,
    }


def certificate_lines(one: Certificate) -> list[str]:
    """An erasure certificate's lines."""
    lines = [f"keeper {one.service.hex()} destroyed {plural(len(one.lines), 'share')}, signed {moment(one.time)}"]
    if one.pending:
        until = max(line.key_until for line in one.lines if line.key_destroyed_at is None)
        lines.append(f"  pending: a deposit key that carried a share lives until {moment(until)}")
    if one.backups_until:
        lines.append(f"  its backups may hold copies until {moment(one.backups_until)}")
    else:
        lines.append("  it says that it makes no backups")
    return lines


def received_document(note: ReceivedGrant) -> dict[str, object]:
    """A received grant for JSON."""
    return {
        "record": note.record.hex(),
        "grant": note.grant.hex(),
        "terms": terms_document(_terms(note)),
        "next_read": note.next_read,
    }


def received_rows(notes: Sequence[ReceivedGrant], states: Sequence[str]) -> list[str]:
    """Received grants, each with its status, in columns."""
    rows = []
    for note, state in zip(notes, states, strict=True):
        terms = _terms(note)
        left = max(0, terms.last_read - note.next_read + 1)
        rows.append(
            (note.grant.hex(), note.record.hex(), state, str(left), moment(terms.not_after), ", ".join(terms.purposes))
        )
    return table(("GRANT", "RECORD", "STATUS", "READS LEFT", "UNTIL", "FOR"), rows)


def _terms(note: ReceivedGrant) -> Terms:
    return parse_terms(cbor.decode(note.terms))
