#!/usr/bin/env python3
"""Check a privledger bundle with nothing of privledger: Python, `cryptography` and `py_ecc`, one file, no network.

Usage: python verify_bundle.py TRUST_ROOT BUNDLE (in either order). It prints steps A1 to A12 (docs/spec/audit.md), what the bundle shows,
and a last line: `holds` (exit code 0), `FALSE` (1), or that not everything could be checked (3). Witnesses are not read."""
import base64
import hashlib
import json
import sys
from collections import namedtuple
from datetime import UTC, datetime
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
SMALL = {0, 1, P25519 - 1, 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826,  # y of points of order 1, 2, 4 or 8
         0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7}
Service = namedtuple("Service", "role key key_file valid_from valid_until seq last_size last_root")  # values of the state, by
Record = namedtuple("Record", "status key commitment epoch made cut changed")  # docs/spec/entries.md §3; `made`, `changed` and
Grant = namedtuple("Grant", "status key terms made revoked_by")  # `revoked_by` are indices of entries, status 1 is the end
Entry = namedtuple("Entry", "keys body leaf time")  # of the log; the time is that of the block that closed it
findings, checked, unclear, story = {}, {}, [], []  # by step; what could not be checked; what the bundle shows
def need(condition, message):
    if not condition:
        raise ValueError(message)
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()

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
def ed25519(key, message, signature):  # OpenSSL accepts keys that conventions.md §3 refuses, so those are refused first
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
def checkpoint(note, trust):  # A1: size, root and time of a C2SP tlog-checkpoint; both signatures of one generation of keys count
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
    return need(len(times) == 1, "the log's two signatures are not both there") or (int(size), base64.b64decode(root), times.pop())

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
def pack(found): return int(compress_G1(found)).to_bytes(48, "big")
@lru_cache(maxsize=4096)
def point(data):
    found = decompress_G1(int.from_bytes(data, "big"))
    need(len(data) == 48 and not is_inf(found) and subgroup_check(found) and pack(found) == data, "not a point of G1")
    return found
def scalar(data):  # 32 bytes, big-endian, below the order
    return need(len(data) == 32 and int(data.hex(), 16) < curve_order, "not a scalar") or int(data.hex(), 16)
def to_scalar(message, dst):
    return int(expand_message_xmd(message, b"PRIVLEDGER-V1-" + dst, 48, hashlib.sha256).hex(), 16) % curve_order
@lru_cache
def bases(count, what):  # BBS create_generators: a hash chain, each link hashed to the curve: nobody knows a relation between them
    api = b"PRIVLEDGER-V1-" + what + b"_BLS12381G1_XMD:SHA-256_SSWU_RO_"
    seed, found = (api + b"SIG_GENERATOR_SEED_", 48, hashlib.sha256), []
    value = expand_message_xmd(api + b"MESSAGE_GENERATOR_SEED", *seed)
    for number in range(1, count + 1):
        value = expand_message_xmd(value + number.to_bytes(8, "big"), *seed)
        found.append(hash_to_G1(value, api + b"SIG_GENERATOR_DST_", hashlib.sha256))
    return found
def combine(points, scalars):  # the sum of each point times its scalar
    return reduce(add, (multiply(one, factor % curve_order) for one, factor in zip(points, scalars, strict=True)), Z1)
def sigma(name, context, image, proof, generators, public):  # a compact proof of draft-irtf-cfrg-sigma-protocols-03
    tag = b"PRIVLEDGER-V1-" + name + b"-CMPT-with-sigma-proofs_Shake128_BLS12381:" + sha(context)
    session = hashlib.shake_128(b"irtf-cfrg-fiat-shamir/session-id" + bytes(136) + tag).digest(32)
    hidden = [at for at in range(len(generators)) if at not in public]
    challenge, *responses = [scalar(proof[at : at + 32]) for at in range(0, len(proof), 32)]
    need(len(responses) == len(hidden), "the proof has a wrong length")
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
def step(name, where, check, *arguments):  # what stops a check is a finding of its step, and the audit goes on
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
    log = {}  # index -> Entry
    for index, leaf, path, closing, closing_index, closing_path in entries:
        where, places = f"entry {index}", ((leaf, index, path), (closing, closing_index, closing_path))
        inside = [step("A3", where, included, one, at, size, way, root) for one, at, way in places]
        block, parsed = step("A4", where, block_of, closing), step("A4", where, parse, leaf, *ENTRIES)
        if parsed:
            step("A5", where, verify, leaf, origin, *ENTRIES)
        if parsed and block and all(inside):
            step("A6", where, need, block[5] == closing_index > index, "this block does not close the entry")
            log[index] = Entry(*parsed, leaf, block[2])
    inside, block = step("A3", "last block", included, last, size - 1, size, last_path, root), step("A4", "last block", block_of, last)
    if state := step("A6", "state", read_state, block, size, signed, items) if inside and block else None:
        step("A6", "entries", agree, trust, state, log, shown, {one[0] for one in entries})
        check_disclosed(origin, state, log, shown)
def block_of(leaf):
    return need(set(decode(leaf)) == set(range(6)) and decode(leaf)[0] == "block", "not a block") or decode(leaf)
def read_state(block, size, signed, items):  # A6: the values of the state that the last block names
    need(block[5] == size - 1, "only the last block names the state")
    need(signed is None or block[2] == signed[2], "the checkpoint is signed for another time than the block's")
    for key, value, proof in items:
        in_map(block[4], key, value, proof)
    shapes = {2: Service._make, 3: Record._make, 4: Grant._make}
    state = {key: None if value is None else shapes.get(key[0], list)(decode(value)) for key, value, _ in items}
    need(state[b"\0"] == [block[1], block[2], size], "the state is not the last block's")
    return state
def agree(trust, state, log, shown, listed):  # A6: the entries that the state names are there, and lead to the state
    record, value, named = shown[2], state[b"\3" + shown[2]], set()
    need(0 in log and sha(log[0].leaf).hex() == trust["genesis"], "entry 0 is not the one that the trust root names")
    for grant, _, services in shown[3]:
        need(all(b"\2" + one[0] in state for one in services), "a keeper's state is not proven")
        if grant != OWNER and (held := state[b"\4" + record + grant]):
            named |= {held.made, held.revoked_by} | ({value.changed} if is_cut_off(value, held) else set())
    named = (named | {value.made} | ({value.changed} if value.status else set())) - {None}
    need(named <= listed, f"the bundle lacks the entries {sorted(named - listed)}")
    for index, entry in log.items():
        need(shows(state, record, index, entry), f"the state does not show what entry {index} did")
def is_cut_off(value, held):  # `revoke --all` ended the grants that were made up to the cut
    return value.status == held.status == 0 and value.cut is not None and held.made <= value.cut
def shows(state, record, index, entry):  # whether the state is such as this entry, or a later one, left it
    body, kind, value, settings = entry.body, entry.body[0], state[b"\3" + record], decode(state[b"\1"][0])
    if kind == "ledger":  # the settings of the highest number hold
        return body[1] < settings[1] or body == settings
    if kind in ("service", "receipts") and (held := state.get(b"\2" + body[1])):
        if kind == "service":  # its description with the highest number holds
            return body[2] < held.seq or list(held[:6]) == [body[3], body[4], body[5], body[6], body[7], body[2]]
        return body[3] < held.last_size or [body[3], body[4]] == [held.last_size, held.last_root]
    if kind == "record":  # the id of a record is the hash of its key
        return sha(entry.keys[0])[:16] != record or [value.made, value.key, value.commitment] == [index, entry.keys[0], body[1]]
    if kind not in ("erase", "grant", "revoke") or body[1] != record:
        return True  # of another record, or of a service that the bundle does not name
    if entry.keys != [value.key]:  # nobody but the owner ends or grants
        return False
    if kind == "erase":
        return [value.status, value.changed] == [1, index]
    grants = [state.get(b"\4" + record + one) for one in ([body[2]] if kind == "grant" else body.get(2, []))]
    if kind == "grant":
        return all(list(held[1:4]) == [body[3], body[4], index] for held in grants if held)
    if 3 in body and (value.cut is None or value.cut < body[3]):  # a cut never goes back
        return False
    return all(held.status == 1 and held.revoked_by <= index for held in grants if held)
def check_disclosed(origin, state, log, shown):
    record, value, seen = shown[2], state[b"\3" + shown[2]], {}
    end = f"erased by {in_words(log, value.changed)}" if value.status else "live"
    story.append(f"record {record.hex()}, put by {in_words(log, value.made)}: {end}")
    for grant, opening, services in shown[3]:
        where, held = f"grant {grant.hex()}", state.get(b"\4" + record + grant)
        terms, secret = (step("A9", where, check_terms, held, opening) if opening is not None else None) or (None, None)
        tell_grant(log, value, grant, held, terms, sum(len(one[2]) for one in services))
        for service, map_key, receipts, proof in services if grant == OWNER or held else []:
            if keeper := state.get(b"\2" + service):
                place = (terms, seen, origin, state, log, record, grant, service, keeper)
                read = [step("A7", where, check_receipt, raw, *place) for raw in receipts]
                step("A7", where, check_chain, read, receipts, log, record, grant, service, keeper, secret, map_key, proof)
    if shown[4] is not None:
        step("A9", "descriptor", check_descriptor, origin, record, value, shown[4])
    if value.status == 1 or shown[5]:
        step("A11", "certificates", check_certificates, origin, state, record, shown[5])
    checked["A12"] = checked.get("A12", 1)
def utc(seconds): return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
def in_words(log, index):
    return f"entry {index}" + (f" ({utc(log[index].time)})" if index in log else "")
def tell_grant(log, value, grant, held, terms, reads):  # in words; its terms only if they are those committed to
    if grant != OWNER and held is not None and held.made is not None:
        by = held.revoked_by if held.status else value.changed if value.status or is_cut_off(value, held) else None
        end = "live" if by is None else f"ended by {in_words(log, by)}"
        story.append(f"grant {grant.hex()}, given by {in_words(log, held.made)}: {end}; {reads} receipts")
        if terms:
            price = f"{terms[5]} minor units of {terms[6]} a read" if terms[5] else "free of charge"
            story.append(f"  terms: read numbers {terms[3]} to {terms[4]} for {', '.join(terms[0])}; {price}")
            story.append(f"  from {utc(terms[1])} until {utc(terms[2])}")
def check_terms(held, opening):
    terms, r = decode(opening)  # grant.md §1: T opens to the terms
    values = [scalar(r), to_scalar(encode([terms[0], terms[6]]), b"TERMS"), *(terms[key] for key in range(1, 6))]
    return need(held and pack(combine(bases(7, b"TERMS"), values)) == held.terms, "not the terms that were committed to") or (terms, r)
def check_descriptor(origin, record, value, disclosed):
    epoch, size, root, digest, proof = disclosed  # record.md §2: C opens to d
    d = to_scalar(encode([root, size, digest]), b"DESCRIPTOR")
    need(epoch == value.epoch, "the descriptor is of another epoch")
    sigma(b"OPENING-TO", encode([origin, record, epoch]), value.commitment, proof, bases(11, b"RECORD"), {2: d})
def check_receipt(raw, terms, seen, origin, state, log, record, grant, service, keeper):  # release.md §3
    key, body = verify(raw, origin, "receipt")
    asker, request = verify(body[2], origin, "request")
    size, time, number, units, read = body[3], body[4], body[5], body[7], request[6]
    value, held = state[b"\3" + record], state.get(b"\4" + record + grant)
    need((request[1], request[2], body[1]) == (record, grant, service), "a receipt of another record, grant or keeper")
    # The key that the keeper had in the log of `size` leaves that the receipt names.
    keys = [one.body[4] for at, one in sorted(log.items()) if at < size and (one.body[0], one.body[1]) == ("service", service)]
    need(keeper.role == "keeper" and key == (keys or [keeper.key])[-1], "the receipt is not signed by the keeper's key")
    need(asker == (held or value).key, "the request is not signed by the grant's (the record's) key")
    made = (held or value).made
    need(units == (0 if grant == OWNER else 1) and made is not None and made < size, "no such grant, or wrong units")
    # The first entry that ended it: the erasure, a revocation by name, a revocation of all up to a cut.
    ends = [value.changed] * value.status + ([held.revoked_by] if held and held.revoked_by is not None else [])
    ends += [at for at, one in log.items() if held and one.body[0] == "revoke" and one.body.get(3, -1) >= held.made]
    end = min(ends, default=None)
    if end is not None:  # F seconds after that block no receipt is due, and none at all for a log that carries the end
        limit = (log[end].time if end in log else state[b"\0"][1]) + decode(state[b"\1"][0])[7][1]
        if end < size or time > limit:
            step("A12", f"receipt {number}", need, False, message := f"a release at {utc(time)}, after entry {end} ended it")
            need(False, message)
    if grant != OWNER and seen.setdefault((service, grant, read), body[2]) != body[2]:  # one number, one request
        step("A12", f"receipt {number}", need, False, "two reads, one number")
        need(False, f"read number {read} was released to two requests")
    fits = terms is None or (terms[3] <= read <= terms[4] and terms[1] <= time <= terms[2])
    return need(fits, f"the terms do not allow read number {read} at {utc(time)}") or body
def check_chain(read, receipts, log, record, grant, service, keeper, secret, map_key, proof):  # release.md §4: all that were committed to
    heads, units, read = [bytes(32)], [0], [] if None in read else read
    for place, (raw, body) in enumerate(zip(receipts, read, strict=False), start=1):
        need(body[5] == place and body[6] == heads[-1], f"the chain of receipts breaks at number {place}")
        heads, units = [*heads, sha(heads[-1], sha(raw))], [*units, units[-1] + body[7]]
    need(secret is None or map_key == sha(encode(["privledger/v1", "receipt-key", record, grant, secret])), "not this grant's map key")
    if (proof is None and keeper.last_root) or (proof and proof[1] is None and secret is None and grant != OWNER):
        unclear.append("A7: nothing shows that these are all receipts under the root that the keeper posted")
    elif proof is not None:
        root, totals, path = proof
        rho, head, count, total = totals or (None, heads[0], 0, 0)
        posts = [entry.body for _, entry in sorted(log.items()) if (entry.body[0], entry.body[1]) == ("receipts", service)]
        posted = {body[4]: body[3] for body in posts} | {keeper.last_root: keeper.last_size}
        need(root in posted and count <= len(read), "a root that was never posted, or receipts are left out")
        need((heads[count], units[count]) == (head, total), "the keeper committed to other receipts")
        values = [scalar(rho), to_scalar(head, b"RECEIPT-HEAD"), count, total] if totals else None
        in_map(root, map_key, pack(combine(bases(4, b"RECEIPT"), values)) if totals else None, path)
        need(count == sum(body[3] <= posted[root] for body in read), "a receipt of a period that was closed")
        unclear.extend([f"A7: receipts after size {posted[root]}; the keeper has posted again"] * (root != keeper.last_root))
def check_certificates(origin, state, record, certificates):  # release.md §6: of n-t+1 distinct shares of the epoch
    value, shares, needed = state[b"\3" + record], {}, 1
    for raw in certificates:
        key, body = verify(raw, origin, "certificate")
        keeper = state[b"\2" + body[1]]
        need(value.status == 1 and body[2] == record and keeper[:2] == ("keeper", key), "not of this record and a keeper")
        for epoch, deposit, _, _, until, gone in body[3]:
            owner, put = verify(deposit, origin, "deposit")
            said = [value.key, record, epoch, "share", "store", body[1]]
            need([owner, *(put[at] for at in range(1, 6))] == said, "a share that the owner never deposited")
            if epoch == value.epoch:
                shares[put[9][0]], needed = (until if gone is None else 0), put[9][2] - put[9][1] + 1
    need(len(shares) >= needed, f"{len(shares)} of {needed} certificates are shown")
    is_pending = list(shares.values()).count(0) < needed
    story.extend([f"  its erasure is pending until {utc(max(shares.values()))}"] * is_pending)
def main(arguments):
    _ = [one.clear() for one in (findings, checked, unclear, story)]
    if len(arguments) != 2:
        out, code = (sys.stdout, 0) if "--help" in arguments else (sys.stderr, 2)
        return print("usage: verify_bundle.py TRUST_ROOT BUNDLE", file=out) or code
    try:  # the trust root is the one that is JSON
        bundle, trust = sorted((Path(name).read_bytes() for name in arguments), key=lambda data: data.lstrip()[:1] == b"{")
        trust, (magic, kind, version, body) = json.loads(trust), decode(bundle)
        need([magic, kind, version] == ["privledger", "bundle", 1], "neither file is a bundle of version 1")
    except Exception as exc:
        print(f"could not check: {exc}", file=sys.stderr)
        return 3
    step("A1", "bundle", audit, trust, body)
    lines = []
    for name in map("A{}".format, range(1, 13)):
        lines += [f"{name:<4} {'FAILED' if name in findings else 'ok' if name in checked else 'not checked'}"]
        lines += [f"     - {line}" for line in findings.get(name, [])]
    unclear.extend(["A1: cosignatures of witnesses are not read here"] if trust["witness_quorum"] else [])
    for line in [*lines, *story, *(f"could not check {one}" for one in unclear)]:  # what a bundle says may hold anything
        print("".join(sign if sign.isprintable() else "?" for sign in line))
    print("FALSE" if findings else "not everything could be checked" if unclear else "holds")
    return 1 if findings else 3 if unclear else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
