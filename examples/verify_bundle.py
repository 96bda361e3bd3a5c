#!/usr/bin/env python3
"""Check a privledger bundle with nothing of privledger: Python, `cryptography` and `py_ecc`, one file, no network.

    python verify_bundle.py trust-root.json bundle

It prints steps A1 to A12 and ends with 0 (all that was checked holds), 1 (a step failed) or 3 (something could not be read).
Formats: docs/spec. Limits, said plainly: OpenSSL accepts some Ed25519 keys that libsodium refuses, so `ed25519` below refuses keys
and nonces of small order and encodings that are not canonical before it asks OpenSSL; witnesses (cosignatures) are not checked, so
a trust root with a quorum ends in 3; py_ecc is slow, a proof takes a tenth of a second.
"""

import base64
import hashlib
import json
import sys
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from py_ecc.bls.g2_primitives import subgroup_check
from py_ecc.bls.hash import expand_message_xmd
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, decompress_G1
from py_ecc.optimized_bls12_381 import G1, Z1, add, curve_order, eq, is_inf, multiply, neg

Q = curve_order
SUITE = b"sigma-proofs_Shake128_BLS12381"
STEPS = [f"A{number}" for number in range(1, 13)]
findings: dict = {}
checked: dict = {}


class Bad(Exception):
    """Something does not hold."""


def need(condition, message):
    if not condition:
        raise Bad(message)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- CBOR (docs/spec/conventions.md §1): a strict reader and a writer -------------------------------------------------


def encode(value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        width = next(w for w in (1, 2, 4, 8) if number < 1 << 8 * w)
        return bytes([major << 5 | 24 + width.bit_length() - 1]) + number.to_bytes(width, "big")

    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(encode, value))
    pairs = sorted((encode(key), encode(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def decode(data):
    """The value that `data` encodes; that it is the one shortest encoding is checked by writing it again."""

    def item(at, depth):
        need(depth < 20 and at < len(data), "CBOR is cut off or nests too deep")
        major, number, at = data[at] >> 5, data[at] & 31, at + 1
        if major == 7:
            need(number in (20, 21, 22), "CBOR holds a float or an unknown simple value")
            return {20: False, 21: True, 22: None}[number], at
        if number >= 24:
            need(number < 28, "CBOR has an indefinite length")
            width = 1 << number - 24
            number, at = int.from_bytes(data[at : at + width], "big"), at + width
        if major < 2:
            return (number if major == 0 else -1 - number), at
        need(at + number <= len(data) and major != 6, "CBOR is cut off, or holds a tag")
        if major < 4:
            raw = data[at : at + number]
            return (raw if major == 2 else raw.decode()), at + number
        if major == 4:
            values = []
            for _ in range(number):
                value, at = item(at, depth + 1)
                values.append(value)
            return values, at
        entries = {}
        for _ in range(number):
            key, at = item(at, depth + 1)
            entries[key], at = item(at, depth + 1)
        return entries, at

    value, end = item(0, 0)
    need(end == len(data) and encode(value) == data, "CBOR is not in its one shortest form")
    return value


# --- signatures -------------------------------------------------------------------------------------------------------

P25519 = 2**255 - 19
SMALL = {0, 1, P25519 - 1} | {  # y of the points of order 1, 2, 4 and 8
    int.from_bytes(bytes.fromhex(text), "little")
    for text in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}


def ed25519(key, message, signature):
    need(len(key) == 32 and len(signature) == 64, "an Ed25519 key or signature has a wrong length")
    for point in (key, signature[:32]):
        y = int.from_bytes(point, "little") & (1 << 255) - 1
        need(y < P25519 and y not in SMALL, "an Ed25519 point is of small order or not canonical")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Bad("a signature is false") from None


def sign1(raw, origin, kinds):
    """A statement (COSE_Sign1, conventions.md §2): its key, payload map and the check of its signature."""
    parts = decode(raw)
    need(isinstance(parts, list) and len(parts) == 4 and parts[1] == {}, "not a COSE_Sign1")
    protected, _, payload, signature = parts
    header, body = decode(protected), decode(payload)
    need(set(header) == {1, 4} and isinstance(body, dict) and body.get(0) in kinds, f"not a statement of kind {kinds}")
    message = encode(["Signature1", protected, origin.encode(), payload])

    def verify():
        if header[1] == -19:
            ed25519(header[4], message, signature)
        else:
            need(header[1] == -65537, "an unknown algorithm")
            sigma(b"ONE-TIME-SIGNATURE", message, header[4], signature, [G1], {})

    return header[4], body, verify


def statement(raw, origin, *kinds):
    key, body, verify = sign1(raw, origin, kinds)
    verify()
    return key, body


def entry_of(leaf, origin):
    """An entry: its keys, payload, and the check of its signatures; several keys sign a COSE_Sign."""
    need(len(leaf) <= 4096, "an entry has at most 4,096 bytes")
    kinds = ("ledger", "service", "record", "erase", "grant", "revoke", "receipts")
    if leaf[1:2] != b"\x40":
        key, body, verify = sign1(leaf, origin, kinds)
        need(len(leaf) <= 512 or body[0] in ("ledger", "service"), "the entry is over 512 bytes")
        return [key], body, verify
    empty, unprotected, payload, signatures = decode(leaf)
    body, keys = decode(payload), [decode(one[0])[4] for one in signatures]
    need(empty == b"" and unprotected == {} and body.get(0) in kinds[:2], "not a COSE_Sign of an entry")
    need(len(keys) > 1 and keys == sorted(set(keys)), "the signatures of an entry are sorted by key, each once")

    def verify_all():
        for (protected, _, signature), key in zip(signatures, keys, strict=True):
            ed25519(key, encode(["Signature", b"", protected, origin.encode(), payload]), signature)

    return keys, body, verify_all


def checkpoint(note, trust):
    """A1: size, root and time of a signed note (C2SP tlog-checkpoint); both of the log's signatures are required."""
    text, _, tail = note.decode().rpartition("\n\n")
    origin, size, root = text.split("\n")
    size, root = int(size), base64.b64decode(root)
    need(origin == trust["origin"], "the checkpoint is of another ledger")
    times, generations = set(), [trust["log_keys"][at : at + 2] for at in range(0, len(trust["log_keys"]), 2)]
    for pair in generations:
        signed = []
        for vkey in pair:
            name, _, material = vkey.split("+", 2)
            kind, public = base64.b64decode(material)[0], base64.b64decode(material)[1:]
            key_id = sha(name.encode(), b"\n", bytes([kind]), public)[:4]
            for line in tail.rstrip("\n").split("\n"):
                who, blob = line.removeprefix("\u2014 ").split(" ")
                blob = base64.b64decode(blob)
                if who != name or blob[:4] != key_id:
                    continue
                if kind == 1:
                    ed25519(public, text.encode() + b"\n", blob[4:])
                else:
                    time, o = blob[4:12], origin.encode()
                    named = b"subtree/v1\n\0" + bytes([len(o)]) + o + time + bytes([len(o)]) + o
                    message = named + bytes(8) + size.to_bytes(8, "big") + root
                    try:
                        MLDSA44PublicKey.from_public_bytes(public).verify(blob[12:], message)
                    except (InvalidSignature, ValueError):
                        raise Bad("the ML-DSA-44 signature is false") from None
                    times.add(int.from_bytes(time, "big"))
                signed.append(kind)
        if set(signed) == {1, 6}:
            need(len(times) == 1, "the signatures carry more than one time")
            return size, root, times.pop()
    raise Bad("the log's Ed25519 and ML-DSA-44 signatures are not both there")


# --- Merkle trees -----------------------------------------------------------------------------------------------------


def included(leaf, index, size, path, root):
    """RFC 9162 §2.1.3.2."""
    need(0 <= index < size, "there is no such leaf")
    fn, sn, r = index, size - 1, sha(b"\0", leaf)
    for p in path:
        need(sn and len(p) == 32, "the inclusion path is too long")
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r == root, "it is not in the log that was signed")


def consistent(size1, root1, size2, root2, path):
    """RFC 9162 §2.1.4.2."""
    need(0 < size1 <= size2, "the checkpoint is of fewer leaves than the older one")
    if size1 == size2:
        return need(root1 == root2 and not path, "two roots for one size")
    path = [root1, *path] if size1.bit_count() == 1 else list(path)
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    need(path, "the consistency path is empty")
    fr = sr = path[0]
    for c in path[1:]:
        need(sn, "the consistency path is too long")
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return need(sn == 0 and (fr, sr) == (root1, root2), "the log does not extend the older checkpoint")


def in_map(root, key, value, proof):
    """entries.md §3: the state map, and a keeper's receipt map, hold `value` at `key` (None: nothing)."""
    siblings, other = proof
    key_hash = sha(key)
    need(not siblings or siblings[-1] != bytes(32), "a map proof is longer than the compact tree allows")
    bits = bin(int.from_bytes(key_hash, "big") | 1 << 256)[3:]
    if value is not None:
        need(other is None, "a proof of presence names another leaf")
        node = sha(b"\0", key_hash, sha(value))
    elif other is None:
        node = bytes(32)
    else:
        other_bits = bin(int.from_bytes(other[0], "big") | 1 << 256)[3:]
        need(other[0] != key_hash and other_bits[: len(siblings)] == bits[: len(siblings)], "a false proof of absence")
        node = sha(b"\0", *other)
    for bit, sibling in reversed(list(zip(bits, siblings, strict=False))):
        need(len(sibling) == 32, "a hash of a map proof has a wrong length")
        node = sha(b"\1", sibling, node) if bit == "1" else sha(b"\1", node, sibling)
    need(node == root, "the map proof leads to another root")


# --- commitments and proofs on BLS12-381 G1 ---------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def point(data):
    try:
        found = decompress_G1(int.from_bytes(data, "big"))
    except ValueError:
        raise Bad("bytes that are no point") from None
    need(len(data) == 48 and not is_inf(found) and subgroup_check(found) and pack(found) == data, "not a point of G1")
    return found


def pack(found):
    return int(compress_G1(found)).to_bytes(48, "big")


def scalar(data):
    value = int.from_bytes(data, "big")
    need(len(data) == 32 and value < Q, "not a scalar")
    return value


def to_scalar(message, dst):
    return int.from_bytes(expand_message_xmd(message, dst, 48, hashlib.sha256), "big") % Q


@lru_cache
def bases(count, what):
    """BBS create_generators: a hash chain, each link hashed to the curve, so nobody knows a relation between them."""
    api = b"PRIVLEDGER-V1-" + what + b"_BLS12381G1_XMD:SHA-256_SSWU_RO_"
    value, found = (
        expand_message_xmd(api + b"MESSAGE_GENERATOR_SEED", api + b"SIG_GENERATOR_SEED_", 48, hashlib.sha256),
        [],
    )
    for number in range(1, count + 1):
        value = expand_message_xmd(value + number.to_bytes(8, "big"), api + b"SIG_GENERATOR_SEED_", 48, hashlib.sha256)
        found.append(hash_to_G1(value, api + b"SIG_GENERATOR_DST_", hashlib.sha256))
    return found


def combine(points, scalars):
    total = Z1
    for one, factor in zip(points, scalars, strict=True):
        total = add(total, multiply(one, factor % Q))
    return total


def sigma(name, context, image, proof, generators, public):
    """A compact proof (draft-irtf-cfrg-sigma-protocols-03): knowledge of what opens `image` over `generators`, of which
    those at `public` have known values. A signature by a one-time key is the case of one generator, G itself."""
    tag = b"PRIVLEDGER-V1-" + name + b"-CMPT-with-" + SUITE + b":" + sha(context)
    seed = b"irtf-cfrg-fiat-shamir/session-id"
    session = hashlib.shake_128(seed + bytes(168 - len(seed)) + tag).digest(32)
    hidden = [at for at in range(len(generators)) if at not in public]
    need(len(proof) == 32 * (1 + len(hidden)), "the proof has a wrong length")
    challenge, *responses = [scalar(proof[at : at + 32]) for at in range(0, len(proof), 32)]
    one, shift = image, 0 if generators == [G1] else 1  # element 0 of a relation is always G
    elements = [*(generators if shift else []), point(one)]
    left = [(len(elements), 1), *((at + shift, Q - value) for at, value in sorted(public.items()))]
    right = [(number, at + shift) for number, at in enumerate(hidden)]

    def count(number):
        return number.to_bytes(4, "little")

    encoded = [count(1), count(len(left))]
    encoded += [count(at) + (factor % Q).to_bytes(32, "big") for at, factor in left]
    encoded += [count(len(right)), *(count(j) + count(at) + (1).to_bytes(32, "big") for j, at in right)]
    encoded += [pack(element) for element in elements]
    target = add(point(one), neg(combine([generators[at] for at in public], public.values())))
    need(not is_inf(target), "the statement is empty")
    nonce = add(combine([generators[at] for at in hidden], responses), neg(multiply(target, challenge)))
    need(not is_inf(nonce), "the proof recovers the identity")
    squeezed = hashlib.shake_128(session + bytes(136) + b"".join(encoded) + pack(nonce)).digest(48)
    need(int.from_bytes(squeezed, "little") % Q == challenge, "the proof does not hold")


# --- the steps --------------------------------------------------------------------------------------------------------


def step(name, where, check, *arguments):
    """Run a check; a failure is a finding of the step, and the audit goes on. Returns what the check returned, or None."""
    checked[name] = checked.get(name, 0) + 1
    try:
        return check(*arguments)
    except (Bad, ValueError, TypeError, KeyError, IndexError, AttributeError) as exc:
        findings.setdefault(name, []).append(f"{where}: {exc}")
        return None


def audit(trust, body):
    """Steps A1 to A12 over the body of a bundle (docs/spec/audit.md §3)."""
    origin, (note, last, last_path, items), entries, shown, older = (body[key] for key in (1, 2, 3, 4, 5))
    need(origin == trust["origin"] == shown[1], "the bundle is of another ledger")
    signed = step("A1", "checkpoint", checkpoint, note, trust)
    lines = note.decode().split("\n")
    size, root = int(lines[1]), base64.b64decode(lines[2])
    if older is not None:
        old = step("A2", "older checkpoint", checkpoint, older[0], trust)
        if old is not None:
            step("A2", "older checkpoint", consistent, old[0], old[1], size, root, older[1])
    log = read_entries(origin, size, root, entries)
    step("A3", "last block", included, last, size - 1, size, last_path, root)
    block = step("A4", "last block", block_of, last)
    state = step("A6", "state", read_state, block, size, signed, items) if block else None
    if not state:
        return
    step("A6", "bundle", agree, trust, state, log, shown, {one[0] for one in entries})
    check_disclosed(origin, state, log, shown)


def block_of(leaf):
    body = decode(leaf)
    need(isinstance(body, dict) and body.get(0) == "block" and set(body) == set(range(6)), "not a block")
    return body


def read_entries(origin, size, root, entries):
    """A3 to A5 for each entry; returns index -> (keys, payload, leaf, closing block)."""
    log = {}
    for index, leaf, path, closing, closing_index, closing_path in entries:
        where = f"entry {index}"
        step("A3", where, included, leaf, index, size, path, root)
        step("A3", where, included, closing, closing_index, size, closing_path, root)
        block, parsed = step("A4", where, block_of, closing), step("A4", where, entry_of, leaf, origin)
        if block is None or parsed is None:
            continue
        step("A6", where, need, block[5] == closing_index > index, "the block does not close this entry")
        step("A5", where, parsed[2])
        log[index] = parsed[0], parsed[1], leaf, block
    return log


def read_state(block, size, signed, items):
    """A6: the values that map proofs show under the root of the last block."""
    need(block[5] == size - 1, "another block than the last one names the state")
    need(signed is None or block[2] == signed[2], "the checkpoint is signed for another time than the block's")
    state = {}
    for key, value, proof in items:
        in_map(block[4], key, value, proof)
        state[key] = None if value is None else decode(value)
    need(state[b"\0"] == [block[1], block[2], size], "the state is not the last block's")
    return state


def agree(trust, state, log, shown, listed):
    """A6: the entries lead to the state, and what the state names is there."""
    record = shown[2]
    need(0 in log and sha(log[0][2]).hex() == trust["genesis"], "entry 0 is not the trust root's")
    value, settings = state[b"\3" + record], decode(state[b"\1"][0])
    status, key, commitment, _, made, cut, changed = value
    named = {made} | ({changed} if status else set())
    for grant, _, services in shown[3]:
        for service, _, _ in services:
            need(b"\2" + service in state, "the state of a keeper whose receipts are shown is not proven")
        held = state[b"\4" + record + grant] if grant != bytes(16) else None
        if held:
            named |= {at for at in held[3:5] if at is not None}
            if held[4] is None and held[3] is not None and cut is not None and held[3] <= cut and not status:
                named.add(changed)
    need(named <= listed, f"the bundle lacks the entries {sorted(named - listed)}")
    for index, (keys, body, _, _) in log.items():
        kind, where = body[0], f"the state does not show what entry {index} did"
        if kind == "ledger":
            need(body[1] < settings[1] or (body[1] == settings[1] and body == settings), where)
        elif kind == "service" and state.get(b"\2" + body[1]):
            held = state[b"\2" + body[1]]
            need(body[2] < held[5] or held[:6] == [body[3], body[4], body[5], body[6], body[7], body[2]], where)
        elif kind == "receipts" and state.get(b"\2" + body[1]):
            held = state[b"\2" + body[1]]
            need(body[3] < held[6] or [body[3], body[4]] == held[6:8], where)
        elif kind == "record" and sha(keys[0])[:16] == record:
            need([made, key, commitment] == [index, keys[0], body[1]], where)
        elif kind in ("erase", "grant", "revoke") and body[1] == record:
            need(keys == [key], f"entry {index} is not signed by the record's key")
            need(kind != "erase" or (status == 1 and changed == index), where)
            held = state.get(b"\4" + record + body[2]) if kind == "grant" else None
            need(held is None or held[1:4] == [body[3], body[4], index], where)
            need(body.get(3) is None or kind != "revoke" or (cut is not None and cut >= body[3]), where)
            for grant in body.get(2, []) if kind == "revoke" else []:
                held = state.get(b"\4" + record + grant)
                need(held is None or (held[0] == 1 and held[4] <= index), where)


def check_disclosed(origin, state, log, shown):
    """A7, A9, A11 and A12 over the disclosure."""
    record, seen = shown[2], {}
    value = state[b"\3" + record]
    for grant, opening, services in shown[3]:
        where = f"grant {grant.hex()}"
        held = state[b"\4" + record + grant] if grant != bytes(16) else None
        terms = None
        if opening is not None:
            step("A9", where, check_terms, held, opening)
            terms = decode(opening)[0] if held else None
        for service, receipts, proof in services:
            keeper, read = state[b"\2" + service], []
            for raw in receipts:
                context = (origin, state, log, record, grant, service, terms)
                one = step("A7", f"{where}, receipt {len(read) + 1}", check_receipt, raw, *context, seen)
                read += [one] if one else []
            if len(read) == len(receipts):
                step("A7", where, check_chain, read, keeper, record, grant, proof)
    if shown[4] is not None:
        step("A9", "descriptor", check_descriptor, origin, record, value, shown[4])
    if value[0] == 1 or shown[5]:
        step("A11", "certificates", check_certificates, origin, state, value, record, shown[5])
    checked["A12"] = 1


def check_terms(held, opening):
    """grant.md §1: T opens to the terms."""
    terms, r = decode(opening)
    need(held and held[3] is not None, "terms of a grant that was never on the chain")
    digest = to_scalar(encode([terms[0], terms[6]]), b"PRIVLEDGER-V1-TERMS")
    values = [scalar(r), digest, *(terms[key] for key in range(1, 6))]
    need(eq(combine(bases(7, b"TERMS"), values), point(held[2])), "these are not the terms that were committed to")


def check_descriptor(origin, record, value, disclosed):
    """record.md §2: C opens to d."""
    epoch, size, root, digest, proof = disclosed
    need(epoch == value[3], "the descriptor is of another epoch")
    d = to_scalar(encode([root, size, digest]), b"PRIVLEDGER-V1-DESCRIPTOR")
    sigma(b"OPENING-TO", encode([origin, record, epoch]), value[2], proof, bases(11, b"RECORD"), {2: d})


def ended(state, log, record, grant):
    """Index and block time of what ended a grant first, or None."""
    value, held = state[b"\3" + record], state.get(b"\4" + record + grant)
    ends = [value[6]] if value[0] == 1 else []
    if held and held[4] is not None:
        ends.append(held[4])
    if held and held[3] is not None:
        ends += [at for at, (_, body, _, _) in log.items() if body[0] == "revoke" and body.get(3, -1) >= held[3]]
        if not ends and value[5] is not None and held[3] <= value[5]:
            ends.append(value[6])
    if not ends:
        return None
    return min(ends), (log[min(ends)][3][2] if min(ends) in log else state[b"\0"][1])


def check_receipt(raw, origin, state, log, record, grant, service, terms, seen):
    """release.md §3: signatures, keys, and that the grant was live. Contradictions are findings of A12 as well."""
    key, body = statement(raw, origin, "receipt")
    request_key, request = statement(body[2], origin, "request")
    size, time, number, read = body[3], body[4], body[5], request[6]
    need((request[1], request[2], body[1]) == (record, grant, service), "a receipt of another record, grant or keeper")
    rotated = [
        one[1][4] for at, one in sorted(log.items()) if one[1][0] == "service" and one[1][1] == service and at < size
    ]
    keeper, value = state[b"\2" + service], state[b"\3" + record]
    need(keeper and keeper[0] == "keeper" and key == (rotated or [keeper[1]])[-1], "not signed by the keeper's key")
    held = value if grant == bytes(16) else state[b"\4" + record + grant]
    need(held, "a receipt for a grant that was never on the chain")
    need(request_key == held[1], "the request is not signed by the grant's (the record's) key")
    need(body[7] == (0 if grant == bytes(16) else 1), "a read counts one unit, an owner's none")
    made = held[4] if grant == bytes(16) else held[3]
    need(made is not None and made < size, "at that checkpoint there was no such grant yet")
    if terms is not None:
        need(terms[3] <= read <= terms[4] and terms[1] <= time <= terms[2], "a release that the terms do not allow")
    problems, end = [], ended(state, log, record, grant)
    if end and (end[0] < size or time > end[1] + decode(state[b"\1"][0])[7][1]):
        problems.append("a release after the end of the grant")
    if grant != bytes(16) and seen.setdefault((service, grant, read), body[2]) != body[2]:
        problems.append(f"two requests under the read number {read}")
    for problem in problems:
        step("A12", f"receipt {number} of keeper {service.hex()}", need, False, problem)
    need(not problems, "; ".join(problems))
    return raw, body


def check_chain(receipts, keeper, record, grant, proof):
    """release.md §4: the chain of receipts, and that as many are shown as the keeper committed to under its last root."""
    head, heads, units = bytes(32), [(bytes(32), 0)], 0
    for place, (raw, body) in enumerate(receipts, start=1):
        need(body[5] == place and body[6] == head, f"the chain of receipts breaks at number {place}")
        head, units = sha(head, sha(raw)), units + body[7]
        heads.append((head, units))
    if proof is None:
        return need(not keeper[7], "nothing shows that these are all receipts under the keeper's posted root")
    root, totals, path = proof
    need(root == keeper[7], "the keeper's last posted root is another")
    committed, count = None, 0
    if totals is not None:
        rho, last, count, units = totals
        need(count <= len(receipts), f"the keeper committed to {count} receipts, and {len(receipts)} are shown")
        need(heads[count] == (last, units), "the keeper committed to other receipts")
        values = [scalar(rho), to_scalar(last, b"PRIVLEDGER-V1-RECEIPT-HEAD"), count, units]
        committed = pack(combine(bases(4, b"RECEIPT"), values))
    in_map(root, record + grant, committed, path)
    return need(count == sum(body[3] <= keeper[6] for _, body in receipts), "a receipt of a period that was closed")


def check_certificates(origin, state, value, record, certificates):
    """release.md §6: n-t+1 certificates of distinct shares of the current epoch; pending ones are said to be so."""
    need(value[0] == 1, "certificates of a record that is not erased")
    shares, needed = {}, None
    for raw in certificates:
        key, body = statement(raw, origin, "certificate")
        keeper = state.get(b"\2" + body[1])
        need(
            body[2] == record and keeper and keeper[0] == "keeper" and key == keeper[1], "not by a keeper of the bundle"
        )
        for epoch, deposit, _, _, until, gone in body[3]:
            owner, deposited = statement(deposit, origin, "deposit")
            need(
                (owner, deposited[1], deposited[2]) == (value[1], record, epoch),
                "a share that the owner never deposited",
            )
            need(deposited[3] == "share" and deposited[5] == body[1], "a certificate of something else than its share")
            if epoch == value[3]:
                index, t, n = deposited[9]
                shares[index], needed = (until if gone is None else 0), n - t + 1
    need(needed is not None and len(shares) >= needed, f"{len(shares)} of {needed} certificates are shown")
    if sum(until == 0 for until in shares.values()) < needed:
        print(f"     erasure is pending until {max(shares.values())}")


def main(arguments):
    """Read the two files, print every step, return the exit code."""
    findings.clear()
    checked.clear()
    try:
        with open(arguments[0], "rb") as file:
            trust = json.load(file)
        with open(arguments[1], "rb") as file:
            magic, kind, version, body = decode(file.read())
        need((magic, kind, version) == ("privledger", "bundle", 1), "the second file is not a bundle of version 1")
    except (OSError, ValueError, TypeError, IndexError, Bad) as exc:
        print(f"could not check: {exc}", file=sys.stderr)
        return 3
    step("A1", "bundle", audit, trust, body)
    for name in STEPS:
        status = "failed" if name in findings else "ok" if name in checked else "not checked"
        print(f"{name:<4} {status}" + (f"  ({checked[name]} checks)" if status == "ok" else ""))
        for line in findings.get(name, []):
            print(f"     - {line}")
    if findings:
        return 1
    if trust["witness_quorum"]:
        print("the witness quorum was not checked: this program does not know cosignatures")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
