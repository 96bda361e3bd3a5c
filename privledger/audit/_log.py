"""Steps A1 to A6 over a log's files: the checkpoint, its ancestors, the tree, the entries and their replay.

Entries are read and checked in worker processes (`_bundles`), and replayed here as they come back. Left to others: what
disclosures and a vault add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from privledger.audit import _bundles
from privledger.audit._replay import Replay
from privledger.audit.fetch import Fetcher
from privledger.audit.history import History
from privledger.audit.memory import Memory, load_memory, save_memory
from privledger.audit.report import Sheet, moment
from privledger.protocol.checkpoint import SignedCheckpoint, verify_checkpoint
from privledger.protocol.entries import is_block
from privledger.protocol.errors import FormatError, PrivledgerError, UnavailableError, VerificationError
from privledger.protocol.tiles import TILE_WIDTH, TileReader, parse_tile, tile_path
from privledger.protocol.trust import TrustRoot
from privledger.rules.state import State
from privledger_crypto import errors as crypto_errors
from privledger_crypto.merkle import HASH_SIZE, Frontier, consistency_proof, verify_consistency
from privledger_crypto.notes import Checkpoint, parse_checkpoint, parse_note

__all__ = ["LogAudit", "Progress", "audit_log", "read_checkpoint"]

Progress = Callable[[int, int], None]
"""Called with leaves done and leaves in all."""

SAVE_EVERY = 50_000  # leaves; larger states are saved less often, so that saving stays a small part of the work
_LOG_STEPS = ("A3", "A4", "A5", "A6")


@dataclass(slots=True)
class LogAudit:
    """The outcome: the checkpoint as it stands there, and the replay if there was one."""

    size: int = 0
    root: bytes = b""
    note: bytes = b""
    signed: SignedCheckpoint | None = None
    replay: Replay | None = None
    older: list[SignedCheckpoint] = field(default_factory=list)


def read_checkpoint(note: bytes, trust: TrustRoot, sheet: Sheet, now: int | None, max_age: int | None) -> LogAudit:
    """A1. A checkpoint that is not signed as it must be still says which tree to look at."""
    found = LogAudit(note=note)
    try:
        claimed: Checkpoint = parse_checkpoint(parse_note(note).text)
        found.size, found.root = claimed.size, claimed.root
        found.signed = verify_checkpoint(note, trust)
    except (PrivledgerError, crypto_errors.CryptoError) as exc:
        sheet.fail("A1", f"{exc}: nobody whom you trust vouches for this log", "checkpoint")
        return found
    detail = f"size {found.size}, signed for {moment(found.signed.time)}"
    if trust.witness_quorum:
        detail += f", with at least {trust.witness_quorum} witnesses"
    if now is not None and max_age is not None and now - found.signed.time > max_age:
        age = now - found.signed.time
        sheet.fail("A1", f"the checkpoint is {age} s old, at most {max_age} s are accepted", "checkpoint")
    sheet.checked("A1", detail)
    return found


def audit_log(
    fetch: Fetcher,
    trust: TrustRoot,
    sheet: Sheet,
    *,
    older_checkpoints: Sequence[bytes],
    memory: Path | None,
    workers: int,
    now: int | None,
    max_age: int | None,
    progress: Progress | None,
) -> LogAudit:
    """Carry out A1 to A6 and note the results on `sheet`."""
    try:
        note = fetch.checkpoint()
    except PrivledgerError as exc:
        for step in ("A1", "A2", *_LOG_STEPS):
            sheet.block(step, f"no checkpoint: {exc}")
        return LogAudit()
    found = read_checkpoint(note, trust, sheet, now, max_age)
    if found.size < 1:
        for step in ("A2", *_LOG_STEPS):
            sheet.block(step, "the checkpoint names no tree")
        return found
    _Walk(fetch, trust, sheet, found, memory, workers, progress).run(older_checkpoints)
    return found


class _Walk:
    """One pass over the log's files, from the memory's size (or 0) to the checkpoint's."""

    def __init__(
        self,
        fetch: Fetcher,
        trust: TrustRoot,
        sheet: Sheet,
        found: LogAudit,
        memory: Path | None,
        workers: int,
        progress: Progress | None,
    ) -> None:
        self._fetch, self._trust, self._sheet, self._found = fetch, trust, sheet, found
        self._directory, self._workers, self._progress = memory, workers, progress
        self._reader = TileReader(self._read_tile, found.size)
        self._frontier = Frontier()
        self._first_bundle = 0
        self._bundle_roots: list[bytes] = []  # of the full bundles from `_first_bundle` on
        self._roots: dict[int, bytes] = {}  # of the trees of older checkpoints, as the entries give them
        self._marks: list[int] = []
        self._saved = 0
        self._whole = True  # every entry was read

    def run(self, older_checkpoints: Sequence[bytes]) -> None:
        older = self._read_older(older_checkpoints)
        known = self._load()
        if known is not None:
            self._add_own(known.note, older)
        start = self._take_up(known)
        self._marks = sorted({one.size for one in older if start < one.size <= self._found.size}, reverse=True)
        with _bundles.no_collection():
            self._read_entries(start)
        self._check_root()
        self._check_older(older)
        self._conclude(start)

    # --- memory

    def _load(self) -> Memory | None:
        if self._directory is None:
            return None
        try:
            known = load_memory(self._directory)
        except PrivledgerError as exc:
            self._sheet.notes.append(f"{exc}; this audit started from scratch")
            return None
        if known is not None and (known.origin, known.genesis) != (self._trust.origin, self._trust.genesis):
            self._sheet.notes.append("the memory is of another ledger; this audit started from scratch")
            return None
        return known

    def _take_up(self, known: Memory | None) -> int:
        """Begin where the memory ends, if the log still begins with what it remembers; returns the first leaf to read."""
        state, history, start = State.empty(), History(), 0
        if known is not None and self._extends(known.frontier):
            state, history, start = known.state, known.history, known.frontier.size
            self._frontier = known.frontier.copy()
        elif known is not None:
            self._sheet.notes.append("the log's tiles do not extend the memory; this audit started from scratch")
        self._first_bundle, self._saved = start // TILE_WIDTH, start
        self._found.replay = Replay(self._sheet, self._trust, state, history, start)
        return start

    def _extends(self, frontier: Frontier) -> bool:
        """Whether the tiles hold the very nodes of `frontier`."""
        if frontier.size > self._found.size:
            return False
        position, nodes = 0, iter(frontier.nodes)
        for level in range(frontier.size.bit_length() - 1, -1, -1):
            if frontier.size >> level & 1:
                try:
                    if self._reader(level, position >> level) != next(nodes):
                        return False
                except PrivledgerError:
                    return False
                position += 1 << level
        return True

    def _save(self, complete: bool) -> None:
        replay, found = self._found.replay, self._found
        if (
            self._directory is None
            or replay is None
            or found.signed is None
            or self._sheet.has_failed("A1", *_LOG_STEPS)
        ):
            return
        if replay.stopped is not None or replay.size != self._frontier.size:
            return
        frontier = self._frontier.copy()
        memory = Memory(
            self._trust.origin, self._trust.genesis, found.note, complete, frontier, replay.state, replay.history
        )
        try:
            save_memory(self._directory, memory)
        except UnavailableError as exc:
            self._sheet.notes.append(f"the memory could not be saved: {exc}")
        self._saved = replay.size

    # --- A3 to A6, bundle by bundle

    def _read_entries(self, start: int) -> None:
        size = self._found.size
        for checked in _bundles.check_bundles(self._fetch, self._trust.origin, start, size, self._workers):
            first = checked.bundle * TILE_WIDTH
            self._report(checked, first)
            if not checked.leaves:
                self._whole = False
                self._stop(first, "its bundle cannot be read (step A3)")
                continue
            if checked.root and self._whole:
                self._bundle_roots.append(checked.root)
            offset = max(0, start - first)
            if self._save_is_due(first):
                middle = _after_last_block(checked.leaves, offset)
                self._take(checked, offset, middle)
                self._save(complete=False)
                offset = middle
            self._take(checked, offset, len(checked.leaves))
            if self._progress is not None:
                self._progress(min(size, first + TILE_WIDTH), size)

    def _report(self, checked: _bundles.Checked, first: int) -> None:
        for fault in checked.faults:
            if fault.blocked:
                self._sheet.block(fault.step, f"{fault.where}: {fault.what}")
            else:
                index = None if fault.offset is None else first + fault.offset
                self._sheet.fail(fault.step, fault.what, fault.where, index)

    def _take(self, checked: _bundles.Checked, begin: int, end: int) -> None:
        """Add the leaves [begin, end) of a bundle to the tree, and replay them."""
        frontier, hashes = self._frontier, checked.hashes
        for at in range(begin * HASH_SIZE, end * HASH_SIZE, HASH_SIZE) if self._whole else ():
            frontier.append(hashes[at : at + HASH_SIZE])
            if self._marks and frontier.size == self._marks[-1]:
                self._roots[self._marks.pop()] = frontier.root()
        if self._found.replay is not None:
            broken = {
                fault.offset - begin for fault in checked.faults if fault.step == "A4" and fault.offset is not None
            }
            self._found.replay.feed(checked.leaves[begin:end], broken)

    def _save_is_due(self, done: int) -> bool:
        replay = self._found.replay
        if self._directory is None or replay is None:
            return False
        return done - self._saved >= max(SAVE_EVERY, len(replay.state))

    def _stop(self, index: int, why: str) -> None:
        for step in ("A4", "A5"):
            self._sheet.block(step, f"the entries from {index} on, up to the end of their bundle, could not be read")
        if self._found.replay is not None:
            self._found.replay.stop(index, why)

    # --- A3: the tree above the bundles

    def _read_tile(self, path: str) -> bytes:
        try:
            return self._fetch.resource(path)
        except UnavailableError as exc:
            full, partial, width = path.partition(".p/")
            if exc.code != "not_found" or not partial:
                raise
            return self._fetch.resource(full)[: int(width) * HASH_SIZE]

    def _check_root(self) -> None:
        found, sheet = self._found, self._sheet
        if not self._whole:
            sheet.block("A3", "the tree could not be computed, since entries are missing")
            return
        if self._frontier.root() != found.root:
            root = self._frontier.root().hex()
            sheet.fail(
                "A3",
                f"the entries hash to the root {root}, and the checkpoint names {found.root.hex()}: they are not what was signed",
                "tile/entries",
            )
        self._check_upper_tiles()

    def _check_upper_tiles(self) -> None:
        """Tiles of level 1 and above. What lies before the first bundle read was compared with the memory's frontier."""
        level, nodes, first = 1, self._bundle_roots, self._first_bundle
        while self._found.size >> (8 * level):
            total = self._found.size >> (8 * level)
            above: list[bytes] = []
            for index in range(first // TILE_WIDTH, -(-total // TILE_WIDTH)):
                width = min(TILE_WIDTH, total - index * TILE_WIDTH)
                offset = max(0, first - index * TILE_WIDTH)
                begin = index * TILE_WIDTH + offset - first
                tile = self._check_tile(level, index, offset, nodes[begin : begin + width - offset])
                if tile is None:
                    return
                if width == TILE_WIDTH:
                    above.append(_bundles.tree_over(tile))
            level, nodes, first = level + 1, above, first // TILE_WIDTH

    def _check_tile(self, level: int, index: int, offset: int, expected: list[bytes]) -> list[bytes] | None:
        """Compare a tile from `offset` on; returns its true hashes, or None if it cannot be read."""
        width = offset + len(expected)
        where = tile_path(level, index, width)
        try:
            tile = parse_tile(self._read_tile(where), width)
        except FormatError as exc:
            self._sheet.fail("A3", str(exc), where)
            return None
        except UnavailableError as exc:
            if exc.code == "not_found":
                self._sheet.fail("A3", "the tile is missing", where)
            else:
                self._sheet.block("A3", str(exc))
            return None
        if tile[offset:] != expected:
            self._sheet.fail("A3", "the tile holds other hashes than those of the entries below it", where)
        tile[offset:] = expected
        for fault in _bundles.check_partials(self._fetch, level, index, tile):
            self._sheet.fail(fault.step, fault.what, fault.where)
        return tile

    # --- A2

    def _read_older(self, notes: Sequence[bytes]) -> list[SignedCheckpoint]:
        older = []
        for number, note in enumerate(notes, start=1):
            try:
                older.append(verify_checkpoint(note, self._trust))
            except PrivledgerError as exc:
                self._sheet.fail("A2", f"this is no checkpoint to compare with: {exc}", f"older checkpoint {number}")
        return older

    def _add_own(self, note: bytes, older: list[SignedCheckpoint]) -> None:
        """The checkpoint of the last audit is one that is held."""
        try:
            own = verify_checkpoint(note, self._trust)
        except PrivledgerError:
            self._sheet.notes.append(
                "the checkpoint in the memory is not signed by the trust root's keys, and was left aside"
            )
            return
        if own.note not in {one.note for one in older}:
            older.append(own)

    def _check_older(self, older: list[SignedCheckpoint]) -> None:
        self._found.older = older
        for one in older:
            where = f"checkpoint of size {one.size}"
            try:
                self._verify_older(one)
            except VerificationError as exc:
                self._sheet.fail("A2", f"{exc}: history was changed after it was signed", where)
            except PrivledgerError as exc:
                self._sheet.block("A2", f"{where}: {exc}")
        if older:
            self._sheet.checked("A2", f"{len(older)} older checkpoint{'s' * (len(older) > 1)}")
        else:
            self._sheet.skip("A2", "no older checkpoint is held")

    def _verify_older(self, one: SignedCheckpoint) -> None:
        size, root = self._found.size, self._found.root
        if one.size > size:
            raise VerificationError(f"the log shows {size} leaves, and {one.size} were signed before")
        if one.size == size:
            if one.root != root:
                raise VerificationError("two checkpoints of this size have different roots")
            return
        if one.size in self._roots and self._frontier.root() == root:
            if self._roots[one.size] != one.root:
                raise VerificationError(f"the first {one.size} leaves have another root than was signed")
            return
        try:
            proof = consistency_proof(self._reader, one.size, size)
            verify_consistency(one.size, one.root, size, root, list(proof))
        except crypto_errors.CryptoError as exc:
            raise VerificationError(str(exc)) from exc

    # --- the end

    def _conclude(self, start: int) -> None:
        sheet, found, replay = self._sheet, self._found, self._found.replay
        if replay is None:
            return
        replay.finish(None if found.signed is None else found.signed.time)
        count = found.size - start
        what = f"{count} leaves" if start == 0 else f"{count} new leaves after the {start} checked before"
        for step in ("A3", "A4", "A5"):
            sheet.checked(step, what)
        blocks = len(replay.history.sizes)
        sheet.checked("A6", f"{what}, {blocks} blocks in all, {len(replay.state)} keys in the state")
        self._save(complete=True)


def _after_last_block(leaves: list[bytes], begin: int) -> int:
    """The offset after the last block leaf from `begin` on; `begin` if there is none."""
    return next((offset + 1 for offset in range(len(leaves) - 1, begin - 1, -1) if is_block(leaves[offset])), begin)
