#!/usr/bin/env python3
"""Check a privledger bundle with nothing of privledger: Python, `cryptography` and `py_ecc`, one file, no network.

    python verify_bundle.py trust-root.json bundle

It prints steps A1 to A12 and ends with 0 (all that was checked holds), 1 (a step failed) or 3 (could not be checked).
Limits: OpenSSL accepts Ed25519 keys that the specification refuses, so `ed25519` first refuses points of small order and encodings
that are not canonical; witnesses are not read, so a quorum ends in 3; field ranges that no step needs are not looked at.
"""

# fmt: off
import base64
import hashlib
import json
import sys
from functools import lru_cache, reduce
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from py_ecc.bls.g2_primitives import subgroup_check
from py_ecc.bls.hash import expand_message_xmd
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, decompress_G1
from py_ecc.optimized_bls12_381 import G1, Z1, add, curve_order, is_inf, multiply, neg

ENTRIES = ("ledger", "service", "record", "erase", "grant", "revoke", "receipts")
P25519, OWNER = 2**255 - 19, bytes(16)
SMALL = {0, 1, P25519 - 1,  # y of the points whose order is 1, 2, 4 or 8
         0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826,
         0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7}
findings, checked, unclear = {}, {}, []  # by step; what could not be checked

def need(condition, message):
    if not condition:
        raise ValueError(message)

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
# --- deterministic CBOR (docs/spec/conventions.md §1) -----------------------------------------------------------------
def encode(value):
    def head(major, number):
        width = 0 if number < 24 else next(w for w in (1, 2, 4, 8) if number < 1 << 8 * w)
        return bytes([major << 5 | (23 + width.bit_length() if width else number)]) + (number.to_bytes(width, "big") if width else b"")
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, (bytes, str)):
        raw = value if isinstance(value, bytes) else value.encode()
        return head(2 if raw is value else 3, len(raw)) + raw
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(sorted(encode(key) + encode(item) for key, item in value.items()))

def decode(data):  # the value; that it is the one shortest encoding is checked by writing it again
    def item(at, depth):
        major, number, at = data[at] >> 5, data[at] & 31, at + 1
        need(depth < 20 and major != 6, "CBOR holds a tag, or nests too deep")
        if major == 7:
            return {20: False, 21: True, 22: None}[number], at
        if number >= 24:
            width = {24: 1, 25: 2, 26: 4, 27: 8}[number]
            number, at = int.from_bytes(data[at : at + width], "big"), at + width
        if major < 2:
            return (number if major == 0 else -1 - number), at
        if major < 4:
            return (data[at : at + number] if major == 2 else data[at : at + number].decode()), at + number
        values = []
        for _ in range(number * (major - 3)):
            value, at = item(at, depth + 1)
            values.append(value)
        return (values if major == 4 else dict(zip(values[::2], values[1::2], strict=True))), at
    value, end = item(0, 0)
    need(end == len(data) and encode(value) == data, "CBOR is not in its one shortest form")
    return value
# --- signatures -------------------------------------------------------------------------------------------------------
def ed25519(key, message, signature):
    ys = [int.from_bytes(one, "little") % (1 << 255) for one in (key, signature[:32])]
    need(all(y < P25519 and y not in SMALL for y in ys), "an Ed25519 point is of small order, or not canonical")
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)

def parse(raw, *kinds):  # conventions.md §2: the keys that should have signed a statement or entry, and its payload
    protected, unprotected, payload, last = decode(raw)
    headers = [decode(one) for one in ([protected] if protected else [one[0] for one in last])]
    keys, body = [header[4] for header in headers], decode(payload)
    need(unprotected == {} and all(set(header) == {1, 4} for header in headers), "not a COSE_Sign1 or COSE_Sign")
    need(keys == sorted(set(keys)) and bool(protected) == (len(keys) == 1), "keys sign sorted, each once")
    need(body[0] in kinds, f"not of kind {' or '.join(kinds)}")
    limit = {"ledger": 4096, "service": 4096, "certificate": 65536, "receipt": 8192, "request": 4096}
    need(len(raw) <= limit.get(body[0], 1024 if body[0] == "deposit" else 512), f"the {body[0]} is too long")
    return keys, body

def verify(raw, origin, *kinds):  # the same, and every signature holds: the first key, and the payload
    (keys, body), (protected, _, payload, last) = parse(raw, *kinds), decode(raw)
    for header, signature in [(protected, last)] if protected else [(one[0], one[2]) for one in last]:
        context = ["Signature1", header] if protected else ["Signature", b"", header]
        message, algorithm, key = encode([*context, origin.encode(), payload]), decode(header)[1], decode(header)[4]
        if algorithm == -19:
            ed25519(key, message, signature)
        else:
            need(algorithm == -65537, "an unknown algorithm")
            sigma(b"ONE-TIME-SIGNATURE", message, key, signature, [G1], {})
    return keys[0], body

def checkpoint(note, trust):
    """A1: size, root and time of a signed note (C2SP tlog-checkpoint). Both signatures of one generation of log keys count."""
    text, _, tail = note.decode().rpartition("\n\n")
    origin, size, root = text.split("\n")
    need(origin == trust["origin"], "the checkpoint is of another ledger")
    lines = [line.removeprefix("\u2014 ").split(" ") for line in tail.rstrip("\n").split("\n")]
    done = {}  # key type -> what its signature carries, by generation
    for number, vkey in enumerate(trust["log_keys"]):
        material = base64.b64decode(vkey.split("+", 2)[2])
        key_id, name = sha(origin.encode(), b"\n", material)[:4], bytes([len(origin)]) + origin.encode()
        for blob in [base64.b64decode(text_64) for who, text_64 in lines if who == origin]:
            if blob[:4] == key_id and material[0] == 1:
                ed25519(material[1:], text.encode() + b"\n", blob[4:])
                done[number] = None
            elif blob[:4] == key_id:
                tree = bytes(8) + int(size).to_bytes(8, "big") + base64.b64decode(root)
                message = b"subtree/v1\n\0" + name + blob[4:12] + name + tree
                MLDSA44PublicKey.from_public_bytes(material[1:]).verify(blob[12:], message)
                done[number] = int.from_bytes(blob[4:12], "big")
    times = {done[at + 1] for at in range(0, len(trust["log_keys"]), 2) if at in done and at + 1 in done}
    need(len(times) == 1, "the log's Ed25519 and ML-DSA-44 signatures are not both there")
    return int(size), base64.b64decode(root), times.pop()
# --- Merkle trees: RFC 9162 §2.1, read from the root down -------------------------------------------------------------
def climb(node, index, size, path):  # the root that `path` leads to from the leaf hash `node`
    if size == 1:
        return need(not path, "the path is too long") or node
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return sha(b"\1", climb(node, index, half, path[:-1]), path[-1])
    return sha(b"\1", path[-1], climb(node, index - half, size - half, path[:-1]))

def grow(old, new, path, root):  # the roots of the first `old` and of all `new` leaves
    if old == new:
        return need(len(path) == (root is None), "the path has a wrong length") or [root or path[0]] * 2
    half = 1 << (new - 1).bit_length() - 1
    if old <= half:
        before, after = grow(old, half, path[:-1], root)
        return before, sha(b"\1", after, path[-1])
    before, after = grow(old - half, new - half, path[:-1], None)
    return sha(b"\1", path[-1], before), sha(b"\1", path[-1], after)

def included(leaf, index, size, path, root):
    need(0 <= index < size and all(len(one) == 32 for one in path), "there is no such leaf")
    return need(climb(sha(b"\0", leaf), index, size, path) == root, "it is not in the log that was signed") or True

def consistent(old, size, root, path):
    need(old[0] <= size and all(len(one) == 32 for one in path), "the log went back")
    need([*grow(old[0], size, path, old[1])] == [old[1], root], "the log does not extend the older checkpoint")

def in_map(root, key, value, proof):  # entries.md §3: the value at `key`, None for nothing
    siblings, other = proof
    bits, hashed = [f"{int.from_bytes(one, 'big'):0256b}" for one in (sha(key), (other or [b""])[0])], sha(key)
    need(not siblings or siblings[-1] != bytes(32), "the map proof is longer than the tree allows")
    need(all(len(one) == 32 for one in [*siblings, *(other or [])]), "a hash of a map proof has a wrong length")
    node = bytes(32) if value is None else sha(b"\0", hashed, sha(value))
    if other is not None:
        need(value is None and other[0] != hashed, "the other leaf of a map proof has no place here")
        need(bits[0][: len(siblings)] == bits[1][: len(siblings)], "the other leaf is not on the way")
        node = sha(b"\0", *other)
    for depth in reversed(range(len(siblings))):
        node = sha(b"\1", *((node, siblings[depth]) if bits[0][depth] == "0" else (siblings[depth], node)))
    need(node == root, "the map proof leads to another root")
# --- commitments and proofs on BLS12-381 G1 ---------------------------------------------------------------------------
def pack(found):
    return int(compress_G1(found)).to_bytes(48, "big")

@lru_cache(maxsize=4096)
def point(data):
    found = decompress_G1(int.from_bytes(data, "big"))
    need(len(data) == 48 and not is_inf(found) and subgroup_check(found) and pack(found) == data, "not a point of G1")
    return found

def scalar(data):
    return need(len(data) == 32 and int(data.hex(), 16) < curve_order, "not a scalar") or int(data.hex(), 16)

def to_scalar(message, dst):
    return int(expand_message_xmd(message, b"PRIVLEDGER-V1-" + dst, 48, hashlib.sha256).hex(), 16) % curve_order

@lru_cache
def bases(count, what):
    """BBS create_generators: a hash chain, each link hashed to the curve, so that nobody knows a relation between them."""
    api = b"PRIVLEDGER-V1-" + what + b"_BLS12381G1_XMD:SHA-256_SSWU_RO_"
    seed, found = (api + b"SIG_GENERATOR_SEED_", 48, hashlib.sha256), []
    value = expand_message_xmd(api + b"MESSAGE_GENERATOR_SEED", *seed)
    for number in range(1, count + 1):
        value = expand_message_xmd(value + number.to_bytes(8, "big"), *seed)
        found.append(hash_to_G1(value, api + b"SIG_GENERATOR_DST_", hashlib.sha256))
    return found

def combine(points, scalars):
    terms = (multiply(one, factor % curve_order) for one, factor in zip(points, scalars, strict=True))
    return reduce(add, terms, Z1)

def sigma(name, context, image, proof, generators, public):
    """A compact proof (draft-irtf-cfrg-sigma-protocols-03): its maker knows the values in `image` that are not `public`."""
    tag = b"PRIVLEDGER-V1-" + name + b"-CMPT-with-sigma-proofs_Shake128_BLS12381:" + sha(context)
    session = hashlib.shake_128(b"irtf-cfrg-fiat-shamir/session-id" + bytes(136) + tag).digest(32)
    hidden = [at for at in range(len(generators)) if at not in public]
    need(len(proof) == 32 * (1 + len(hidden)), "the proof has a wrong length")
    challenge, *responses = [scalar(proof[at : at + 32]) for at in range(0, len(proof), 32)]
    named = [] if generators == [G1] else generators  # element 0 of every relation is G
    left = [(len(named) + 1, 1), *((at + 1, curve_order - value) for at, value in sorted(public.items()))]
    right = [(number, at + bool(named), 1) for number, at in enumerate(hidden)]
    statement_bytes = (1).to_bytes(4, "little")
    for rows in (left, right):
        statement_bytes += len(rows).to_bytes(4, "little")
        for *indices, factor in rows:
            statement_bytes += b"".join(at.to_bytes(4, "little") for at in indices) + factor.to_bytes(32, "big")
    statement_bytes += b"".join(map(pack, named)) + image
    target = add(point(image), neg(combine([generators[at] for at in public], public.values())))
    nonce = add(combine([generators[at] for at in hidden], responses), neg(multiply(target, challenge)))
    need(not is_inf(target) and not is_inf(nonce), "the proof is about the identity")
    squeezed = hashlib.shake_128(session + bytes(136) + statement_bytes + pack(nonce)).digest(48)
    need(int.from_bytes(squeezed, "little") % curve_order == challenge, "the proof does not hold")
# --- the steps of docs/spec/audit.md §3 -------------------------------------------------------------------------------
def step(name, where, check, *arguments):
    """Run a check; whatever stops it is a finding of the step, and the audit goes on. Returns what it returned, or None."""
    checked[name] = checked.get(name, 0) + 1
    try:
        return check(*arguments)
    except Exception as exc:
        findings.setdefault(name, []).append(f"{where}: {exc or type(exc).__name__}")
        return None

def audit(trust, body):
    origin, (note, last, last_path, items), entries, shown, older = (body[key] for key in range(1, 6))
    need(origin == trust["origin"] == shown[1], "the bundle is of another ledger")
    signed = step("A1", "checkpoint", checkpoint, note, trust)
    size, root = int(note.split(b"\n")[1]), base64.b64decode(note.split(b"\n")[2])
    if older is not None:
        step("A2", "older", lambda: consistent(checkpoint(older[0], trust), size, root, older[1]))
    log = {}  # index -> keys, payload, leaf, time of the closing block
    for index, leaf, path, closing, closing_index, closing_path in entries:
        where, places = f"entry {index}", ((leaf, index, path), (closing, closing_index, closing_path))
        inside = [step("A3", where, included, one, at, size, way, root) for one, at, way in places]
        block, parsed = step("A4", where, block_of, closing), step("A4", where, parse, leaf, *ENTRIES)
        if parsed:
            step("A5", where, verify, leaf, origin, *ENTRIES)
        if parsed and block and all(inside):
            step("A6", where, need, block[5] == closing_index > index, "this block does not close the entry")
            log[index] = *parsed, leaf, block[2]
    inside, block = step("A3", "last block", included, last, size - 1, size, last_path, root), step("A4", "last block", block_of, last)
    if state := step("A6", "state", read_state, block, size, signed, items) if inside and block else None:
        step("A6", "entries", agree, trust, state, log, shown, {one[0] for one in entries})
        check_disclosed(origin, state, log, shown)

def block_of(leaf):
    return need(set(decode(leaf)) == set(range(6)) and decode(leaf)[0] == "block", "not a block") or decode(leaf)

def read_state(block, size, signed, items):
    need(block[5] == size - 1, "only the last block names the state")
    need(signed is None or block[2] == signed[2], "the checkpoint is signed for another time than the block's")
    for key, value, proof in items:
        in_map(block[4], key, value, proof)
    state = {key: None if value is None else decode(value) for key, value, _ in items}
    need(state[b"\0"] == [block[1], block[2], size], "the state is not the last block's")
    return state

def agree(trust, state, log, shown, listed):  # A6: what the state names is there, and the entries lead to the state
    record, settings = shown[2], decode(state[b"\1"][0])
    need(0 in log and sha(log[0][2]).hex() == trust["genesis"], "entry 0 is not the one that the trust root names")
    status, key, commitment, _, made, cut, changed = state[b"\3" + record]
    named = {made} | ({changed} if status else set())
    for grant, _, services in shown[3]:
        need(all(b"\2" + one[0] in state for one in services), "a keeper's state is not proven")
        held = state[b"\4" + record + grant] if grant != OWNER else None
        cut_off = held and held[0] == status == 0 and cut is not None and held[3] <= cut
        named |= {at for at in (held or [])[3:5] if at is not None} | ({changed} if cut_off else set())
    need(named <= listed, f"the bundle lacks the entries {sorted(named - listed)}")
    for index, (keys, body, _, _) in log.items():
        kind, fits, held = body[0], True, state.get(b"\2" + body[1]) if body[0] in ("service", "receipts") else None
        if kind == "ledger":
            fits = body[1] < settings[1] or body == settings
        elif kind == "service" and held:
            fits = body[2] < held[5] or held[:6] == [body[3], body[4], body[5], body[6], body[7], body[2]]
        elif kind == "receipts" and held:
            fits = body[3] < held[6] or [body[3], body[4]] == held[6:8]
        elif kind == "record" and sha(keys[0])[:16] == record:
            fits = [made, key, commitment] == [index, keys[0], body[1]]
        elif kind in ("erase", "grant", "revoke") and body[1] == record:
            ids = [body[2]] if kind == "grant" else body.get(2, [])
            rows = [held for held in (state.get(b"\4" + record + one) for one in ids) if held]
            fits = keys == [key] and (kind != "erase" or [status, changed] == [1, index])
            fits &= kind != "revoke" or 3 not in body or (cut is not None and cut >= body[3])
            for held in rows:
                fits &= held[1:4] == [body[3], body[4], index] if kind == "grant" else held[0] == 1 and held[4] <= index
        need(fits, f"the state does not show what entry {index} did")

def check_disclosed(origin, state, log, shown):
    record, seen = shown[2], {}
    for grant, opening, services in shown[3]:
        where, held = f"grant {grant.hex()}", state.get(b"\4" + record + grant)
        opened = step("A9", where, check_terms, held, opening) if opening is not None else None
        terms, secret = opened or (None, None)
        for service, map_key, receipts, proof in services if grant == OWNER or held else []:
            if keeper := state.get(b"\2" + service):
                place = (terms, seen, origin, state, log, record, grant, service, keeper)
                read = [step("A7", where, check_receipt, raw, *place) for raw in receipts]
                step("A7", where, check_chain, read, receipts, log, record, grant, service, keeper, secret, map_key, proof)
    if shown[4] is not None:
        step("A9", "descriptor", check_descriptor, origin, record, state[b"\3" + record], shown[4])
    if state[b"\3" + record][0] == 1 or shown[5]:
        step("A11", "certificates", check_certificates, origin, state, record, shown[5])
    checked["A12"] = checked.get("A12", 1)

def check_terms(held, opening):
    terms, r = decode(opening)  # grant.md §1: T opens to the terms
    values = [scalar(r), to_scalar(encode([terms[0], terms[6]]), b"TERMS"), *(terms[key] for key in range(1, 6))]
    fits = held and pack(combine(bases(7, b"TERMS"), values)) == held[2]
    return need(fits, "not the terms that were committed to") or (terms, r)

def check_descriptor(origin, record, value, disclosed):
    epoch, size, root, digest, proof = disclosed  # record.md §2: C opens to d
    d = to_scalar(encode([root, size, digest]), b"DESCRIPTOR")
    need(epoch == value[3], "the descriptor is of another epoch")
    sigma(b"OPENING-TO", encode([origin, record, epoch]), value[2], proof, bases(11, b"RECORD"), {2: d})

def check_receipt(raw, terms, seen, origin, state, log, record, grant, service, keeper):  # release.md §3
    key, body = verify(raw, origin, "receipt")
    asker, request = verify(body[2], origin, "request")
    size, time, read = body[3], body[4], request[6]
    value, held = state[b"\3" + record], state.get(b"\4" + record + grant)
    need((request[1], request[2], body[1]) == (record, grant, service), "a receipt of another record, grant or keeper")
    keys = [one[4] for at, (_, one, *_) in sorted(log.items()) if at < size and (one[0], one[1]) == ("service", service)]
    need(keeper[0] == "keeper" and key == (keys or [keeper[1]])[-1], "the receipt is not signed by the keeper's key")
    need(asker == (held or value)[1], "the request is not signed by the grant's (the record's) key")
    made = held[3] if held else value[4]
    need(body[7] == (0 if grant == OWNER else 1) and made is not None and made < size, "no such grant, or wrong units")
    fits = terms is None or (terms[3] <= read <= terms[4] and terms[1] <= time <= terms[2])
    ends = [value[6]] * value[0] + ([held[4]] if held and held[4] is not None else [])
    ends += [at for at, one in log.items() if held and one[1][0] == "revoke" and one[1].get(3, -1) >= held[3]]
    end = min(ends, default=None)
    limit = (log[end][3] if end in log else state[b"\0"][1]) + decode(state[b"\1"][0])[7][1]
    late = end is not None and (end < size or time > limit)
    twice = grant != OWNER and seen.setdefault((service, grant, read), body[2]) != body[2]
    if late or twice:
        step("A12", f"receipt {body[5]}", need, False, "a release after the end" if late else "two reads, one number")
    need(fits and not late and not twice, "a release that terms, revocation or an earlier read do not allow")
    return body

def check_chain(read, receipts, log, record, grant, service, keeper, secret, map_key, proof):  # release.md §4: all that were committed to
    heads, units, read = [bytes(32)], [0], [] if None in read else read
    for place, (raw, body) in enumerate(zip(receipts, read, strict=False), start=1):
        need(body[5] == place and body[6] == heads[-1], f"the chain of receipts breaks at number {place}")
        heads, units = [*heads, sha(heads[-1], sha(raw))], [*units, units[-1] + body[7]]
    need(secret is None or map_key == sha(encode(["privledger/v1", "receipt-key", record, grant, secret])), "not this grant's map key")
    if (proof is None and keeper[7]) or (proof and proof[1] is None and secret is None and grant != OWNER):
        unclear.append("A7: nothing shows that these are all receipts under the root that the keeper posted")
    elif proof is not None:
        root, totals, path = proof
        rho, head, count, total = totals or (None, heads[0], 0, 0)
        posted = {b[4]: b[3] for _, (_, b, *_) in sorted(log.items()) if (b[0], b[1]) == ("receipts", service)} | {keeper[7]: keeper[6]}
        need(root in posted and count <= len(read), "a root that was never posted, or receipts are left out")
        need((heads[count], units[count]) == (head, total), "the keeper committed to other receipts")
        values = [scalar(rho), to_scalar(head, b"RECEIPT-HEAD"), count, total] if totals else None
        in_map(root, map_key, pack(combine(bases(4, b"RECEIPT"), values)) if totals else None, path)
        need(count == sum(body[3] <= posted[root] for body in read), "a receipt of a period that was closed")
        unclear.extend([f"A7: receipts after size {posted[root]}; the keeper has posted again"] * (root != keeper[7]))

def check_certificates(origin, state, record, certificates):  # release.md §6: of n-t+1 distinct shares of the epoch
    value, shares, needed = state[b"\3" + record], {}, 1
    for raw in certificates:
        key, body = verify(raw, origin, "certificate")
        keeper = state[b"\2" + body[1]]
        need(value[0] == 1 and body[2] == record and keeper[:2] == ["keeper", key], "not of this record and a keeper")
        for epoch, deposit, _, _, until, gone in body[3]:
            owner, put = verify(deposit, origin, "deposit")
            said = [owner, *(put[at] for at in range(1, 6))]
            need(said == [value[1], record, epoch, "share", "store", body[1]], "a share that the owner never deposited")
            if epoch == value[3]:
                shares[put[9][0]], needed = (until if gone is None else 0), put[9][2] - put[9][1] + 1
    need(len(shares) >= needed, f"{len(shares)} of {needed} certificates are shown")
    print(f"     erasure is pending until {max(shares.values())}\n" * (list(shares.values()).count(0) < needed), end="")

def main(arguments):
    for one in (findings, checked, unclear):
        one.clear()
    try:
        trust, data = (Path(name).read_bytes() for name in arguments)
        trust, (magic, kind, version, body) = json.loads(trust), decode(data)
        need([magic, kind, version] == ["privledger", "bundle", 1], "the second file is not a bundle of version 1")
    except Exception as exc:
        print(f"could not check: {exc}", file=sys.stderr)
        return 3
    step("A1", "bundle", audit, trust, body)
    for name in map("A{}".format, range(1, 13)):
        print(name.ljust(4), "FAILED" if name in findings else "ok" if name in checked else "not checked")
        print("".join(f"     - {line}\n" for line in findings.get(name, [])), end="")
    unclear.extend(["A1: cosignatures of witnesses are not read here"] if trust["witness_quorum"] else [])
    print("".join(f"could not check {line}\n" for line in unclear), end="")
    return 1 if findings else 3 if unclear else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
