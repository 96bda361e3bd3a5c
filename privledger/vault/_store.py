"""The vault's directory: sealed objects, each with the signed deposit that put it there (docs/spec/record.md §7).

    <vault>/lock                                         one writer at a time
    <vault>/staging/<random>                             uploads under way, each locked by its writer
    <vault>/records/<record>/<epoch>/<name>.deposit      CBOR [deposit statement, holding statement]
    <vault>/records/<record>/<epoch>/<name>.<digest>     the bytes; digest is field 8 of the deposit
    <vault>/records/<record>/<epoch>/<name>.<digest>.tree    leaf hashes of a blob's segments, 32 bytes each

The `.deposit` file is what makes an object visible: bytes are written first, under the name of their own digest, then
the deposit is renamed into place, then the bytes it replaced go. A crash leaves the old object or the new one, and bytes
without a deposit, which `sweep_orphans` removes.

Left to others: who may store what (`_rules`), and how an upload is made (`_upload`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from privledger.protocol.errors import FormatError, UnavailableError
from privledger.protocol.statements import peek_statement
from privledger.storage import files
from privledger_crypto import cbor
from privledger_crypto.errors import CryptoError
from privledger_crypto.segments import SEGMENT_SIZE, SegmentTree

__all__ = ["Held", "ObjectName", "ObjectStore"]

DEPOSIT_SUFFIX = ".deposit"
TREE_SUFFIX = ".tree"
_MAX_DEPOSIT_FILE = 1 << 16  # bytes; two statements
_LEAF = 32  # bytes, SHA-256


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Which object: record (16 bytes), epoch, what, and the grant id of a note or envelope."""

    record: bytes
    epoch: int
    what: str
    item: bytes = b""

    @property
    def stem(self) -> str:
        """The first part of its file names."""
        return f"{self.what}.{self.item.hex()}" if self.item else self.what


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is held: the deposit, our confirmation, and what they say."""

    deposit: bytes = field(repr=False)
    holding: bytes = field(repr=False)
    digest: bytes
    size: int
    stored_at: int


class ObjectStore:
    """Objects by (record, epoch, what, item) in one directory. Writers hold `lock` of the vault; readers need none."""

    def __init__(self, directory: Path) -> None:
        self._records = directory / "records"
        self.staging = directory / "staging"
        files.make_directory(self._records)
        files.make_directory(self.staging)

    # --- reading

    def held(self, name: ObjectName) -> Held | None:
        """What is held under `name`, or None.

        Raises:
            FormatError: the file on disk is damaged.
        """
        try:
            raw = files.read_bytes(self._deposit_path(name), max_size=_MAX_DEPOSIT_FILE)
        except UnavailableError as exc:
            if exc.code == "not_found":
                return None
            raise
        return _parse_held(raw)

    def read(self, name: ObjectName, *, max_size: int) -> bytes:
        """The bytes of a small object, checked against the digest of its deposit.

        Raises:
            UnavailableError: code `not_found`, or the disk failed.
            FormatError: the bytes on disk are not those that were deposited.
        """
        for attempt in (0, 1):  # the object may be replaced between the two reads
            held = self._must_hold(name)
            try:
                content = files.read_bytes(self._content_path(name, held.digest), max_size=max_size)
            except UnavailableError as exc:
                if exc.code != "not_found" or attempt:
                    raise
                continue
            if hashlib.sha256(content).digest() != held.digest:
                raise FormatError(f"the {name.what} on disk is damaged", hint="Restore it, or deposit it again.")
            return content
        raise _not_found(name)

    def read_segments(self, name: ObjectName, first: int, count: int) -> tuple[bytes, SegmentTree]:
        """Segments `first` to at most `first + count - 1` of a blob, and the blob's tree.

        Raises:
            UnavailableError: code `not_found` for a blob that is not held or has no segment `first`.
        """
        held = self._must_hold(name)
        path = self._content_path(name, held.digest)
        leaves = files.read_bytes(path.with_name(path.name + TREE_SUFFIX), max_size=max(held.size, _LEAF))
        try:
            tree = SegmentTree(held.size, tuple(leaves[at : at + _LEAF] for at in range(0, len(leaves), _LEAF)))
        except CryptoError as exc:
            raise FormatError("the segment tree of a blob on disk is damaged") from exc
        if not 0 <= first < len(tree.leaves):
            raise UnavailableError(f"the blob has {len(tree.leaves)} segments, no number {first}", code="not_found")
        with files.storage_errors(path), path.open("rb") as file:
            file.seek(first * SEGMENT_SIZE)
            data = file.read(min(count, len(tree.leaves) - first) * SEGMENT_SIZE)
        return data, tree

    def names(self, record: bytes | None = None) -> Iterator[ObjectName]:
        """The names of all objects held, of one record or of all, in order."""
        for directory in self._epochs(record):
            for path in sorted(directory.glob(f"*{DEPOSIT_SUFFIX}")):
                yield _parse_name(path)

    def records(self) -> list[bytes]:
        """The ids of records of which anything is held."""
        with files.storage_errors(self._records):
            return sorted(bytes.fromhex(path.name) for path in self._records.iterdir() if path.is_dir())

    def has_record(self, record: bytes) -> bool:
        """Whether anything of this record is held."""
        return (self._records / record.hex()).is_dir()

    # --- writing (the caller holds the vault's lock)

    def put(self, name: ObjectName, content: bytes, digest: bytes, deposit: bytes, holding: bytes) -> None:
        """Make a small object durable and visible, in place of what was there."""
        path = self._content_path(name, digest)
        files.make_directory(path.parent)
        files.write_atomic(path, content)
        self._expose(name, digest, deposit, holding)

    def put_staged(self, name: ObjectName, staged: Path, tree: SegmentTree, deposit: bytes, holding: bytes) -> None:
        """Move an upload, already fsynced, into place and make it visible."""
        path = self._content_path(name, tree.root)
        files.make_directory(path.parent)
        files.write_atomic(path.with_name(path.name + TREE_SUFFIX), b"".join(tree.leaves))
        files.publish(staged, path)
        self._expose(name, tree.root, deposit, holding)

    def renew(self, name: ObjectName, deposit: bytes, holding: bytes) -> None:
        """Replace the deposit of an object whose bytes stay as they are."""
        files.write_atomic(self._deposit_path(name), _held_bytes(deposit, holding))

    def delete(self, name: ObjectName) -> None:
        """Destroy an object; no error if it is gone. What makes it visible goes first."""
        files.remove(self._deposit_path(name))
        self._clear(name, keep=None)
        self._prune(self._deposit_path(name).parent)

    def destroy_record(self, record: bytes) -> int:
        """Destroy everything of a record; returns how many objects there were."""
        count = 0
        for name in list(self.names(record)):
            self.delete(name)
            count += 1
        for directory in list(self._epochs(record)):
            for path in sorted(directory.iterdir()):
                files.destroy(path)  # bytes without a deposit, left by a crash
            self._prune(directory)
        return count

    def sweep_orphans(self) -> int:
        """Destroy bytes that no deposit names and that a crash left behind; returns how many files."""
        count = 0
        for directory in list(self._epochs(None)):
            wanted: set[Path] = set()
            for deposit_path in directory.glob(f"*{DEPOSIT_SUFFIX}"):
                name = _parse_name(deposit_path)
                held = self._must_hold(name)
                content = self._content_path(name, held.digest)
                wanted |= {deposit_path, content, content.with_name(content.name + TREE_SUFFIX)}
            for path in sorted(directory.iterdir()):
                if path not in wanted:
                    files.destroy(path)
                    count += 1
            self._prune(directory)
        return count

    # --- inside

    def _expose(self, name: ObjectName, digest: bytes, deposit: bytes, holding: bytes) -> None:
        files.write_atomic(self._deposit_path(name), _held_bytes(deposit, holding))
        self._clear(name, keep=digest)

    def _clear(self, name: ObjectName, keep: bytes | None) -> None:
        """Destroy the bytes under `name` other than those with digest `keep`."""
        directory = self._deposit_path(name).parent
        kept = None if keep is None else self._content_path(name, keep).name
        for path in sorted(directory.glob(f"{name.stem}.*")):
            rest = path.name.removeprefix(f"{name.stem}.").removesuffix(TREE_SUFFIX)
            is_content = len(rest) == 2 * _LEAF  # else the deposit, or a note whose name begins alike
            if is_content and path.name not in (kept, f"{kept}{TREE_SUFFIX}"):
                files.destroy(path)

    def _prune(self, directory: Path) -> None:
        """Remove the directories of an epoch and a record once they are empty."""
        for path in (directory, directory.parent):
            try:
                path.rmdir()
            except OSError:  # not empty, or gone already
                return
            with files.storage_errors(path.parent):
                files.fsync_directory(path.parent)

    def _epochs(self, record: bytes | None) -> Iterator[Path]:
        with files.storage_errors(self._records):
            roots = sorted(self._records.iterdir()) if record is None else [self._records / record.hex()]
        for root in roots:
            if root.is_dir():
                yield from sorted(path for path in root.iterdir() if path.is_dir())

    def _must_hold(self, name: ObjectName) -> Held:
        held = self.held(name)
        if held is None:
            raise _not_found(name)
        return held

    def _deposit_path(self, name: ObjectName) -> Path:
        return self._records / name.record.hex() / str(name.epoch) / f"{name.stem}{DEPOSIT_SUFFIX}"

    def _content_path(self, name: ObjectName, digest: bytes) -> Path:
        return self._records / name.record.hex() / str(name.epoch) / f"{name.stem}.{digest.hex()}"


def _held_bytes(deposit: bytes, holding: bytes) -> bytes:
    return cbor.encode([deposit, holding])


def _parse_held(raw: bytes) -> Held:
    try:
        match cbor.decode(raw, max_size=_MAX_DEPOSIT_FILE):
            case [bytes() as deposit, bytes() as holding]:
                fields, confirmed = peek_statement(deposit).fields(), peek_statement(holding).fields()
                return Held(deposit, holding, fields.bytes(8, _LEAF), fields.uint(7), confirmed.uint(3))
    except CryptoError as exc:
        raise FormatError("a deposit on disk is damaged") from exc
    raise FormatError("a deposit on disk is damaged")


def _parse_name(deposit_path: Path) -> ObjectName:
    what, _, item = deposit_path.name.removesuffix(DEPOSIT_SUFFIX).partition(".")
    epoch = deposit_path.parent
    try:
        return ObjectName(bytes.fromhex(epoch.parent.name), int(epoch.name), what, bytes.fromhex(item))
    except ValueError as exc:
        raise FormatError(f"{deposit_path} is not a file of a vault") from exc


def _not_found(name: ObjectName) -> UnavailableError:
    return UnavailableError(f"this vault holds no such {name.what}", code="not_found")
