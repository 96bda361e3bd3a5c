"""Shares from keepers: ask t of them with the same bytes, and check every answer (docs/spec/release.md §3).

A keeper that is away, slow to renew or lying is passed over as long as enough others answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from privledger.protocol.capsule import KeeperShare
from privledger.protocol.deposit import verify_share
from privledger.protocol.errors import AuthorisationError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.receipt import Receipt, open_response, parse_receipt
from privledger.protocol.request import Request
from privledger.sdk.context import Context
from privledger.sdk.ports import Keeper
from privledger_crypto import shares
from privledger_crypto.envelope import XWingPrivateKey

__all__ = ["collect_shares"]


def collect_shares(
    context: Context,
    holders: Sequence[KeeperShare],
    threshold: int,
    *,
    request: Request,
    opening: bytes,
    response_key: XWingPrivateKey,
) -> tuple[int, list[Receipt]]:
    """The keepers' part `B` from `threshold` of the holders, and their receipts.

    Raises:
        AuthorisationError, VerificationError, UnavailableError: too few answered; a refusal is told before a lie, a lie before
            an absence.
    """
    by_service = {keeper.service: keeper for keeper in context.keepers}
    found: list[shares.Share] = []
    receipts: list[Receipt] = []
    errors: list[PrivledgerError] = []
    for holder in holders:
        keeper = by_service.get(holder.service)
        if keeper is None or len(found) == threshold:
            continue
        try:
            share, receipt = _release(context, keeper, holder, request, opening, response_key)
        except PrivledgerError as exc:
            errors.append(exc)
            continue
        found.append(share)
        receipts.append(receipt)
    if len(found) < threshold:
        raise _most_telling(errors, len(found), threshold)
    return shares.combine(found, threshold=threshold), receipts


def _release(
    context: Context,
    keeper: Keeper,
    holder: KeeperShare,
    request: Request,
    opening: bytes,
    response_key: XWingPrivateKey,
) -> tuple[shares.Share, Receipt]:
    answer = keeper.release(request.raw, opening)
    receipt = parse_receipt(answer.receipt, context.origin)
    state = context.view.service(holder.service)
    if state is None or receipt.service_key != state.signing_key or receipt.service != holder.service:
        raise VerificationError("the receipt is signed by another keeper")
    if receipt.request.raw != request.raw:
        raise VerificationError("the receipt is for another request")
    share = open_response(response_key, answer.share, request, origin=context.origin, service=holder.service)
    record, epoch = request.record, request.epoch
    verify_share(share, holder.digest, origin=context.origin, record=record, epoch=epoch, service=holder.service)
    return share, receipt


def _most_telling(errors: list[PrivledgerError], found: int, needed: int) -> PrivledgerError:
    for kind in (AuthorisationError, VerificationError):
        for error in errors:
            if isinstance(error, kind):
                return error
    if errors:
        return errors[0]
    return UnavailableError(f"{found} of the {needed} keepers that are needed answered", code="keepers_away")
