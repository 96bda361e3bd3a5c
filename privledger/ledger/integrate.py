"""Integration: from accepted leaves to the tiles that the new size needs, and the new root.

`TreeTail` keeps of the whole tree only what grows: the unfinished tile of each level, the unfinished bundle, and the frontier.

    tail = TreeTail.restore(files.read, size)
    files.write(tail.append(leaves).files)

Left to others: writing the files, and deciding that the new size may be signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privledger.protocol.errors import FormatError
from privledger.protocol.tiles import TILE_WIDTH, encode_entries, entries_path, parse_entries, parse_tile, tile_path
from privledger_crypto.merkle import Frontier, leaf_hash, root_of

__all__ = ["Growth", "TreeTail"]

_TILE_HEIGHT = 8  # levels of the tree in one tile


@dataclass(frozen=True, slots=True)
class Growth:
    """The files that a new size needs, and the full tiles among them (whose partial ones are no longer needed)."""

    files: dict[str, bytes]
    completed: list[str]


class TreeTail:
    """The growing edge of a log's tree; not safe to share between threads."""

    __slots__ = ("_bundle", "_known", "_levels", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._known: Frontier | None = None
        self._levels: list[list[bytes]] = [[]]
        self._bundle: list[bytes] = []

    @property
    def size(self) -> int:
        """Leaves of the tree."""
        return self._size

    def root(self) -> bytes:
        """Root of the tree."""
        return self._frontier().root()

    def frontier(self) -> Frontier:
        """The frontier of the same tree, independent of this one."""
        return self._frontier().copy()

    def _frontier(self) -> Frontier:
        # Once a block, from what the unfinished tiles hold: full tiles are hashed anyway when they are stored.
        if self._known is None:
            self._known = Frontier(self._size, self._perfect_subtrees())
        return self._known

    @classmethod
    def restore(cls, read: Callable[[str], bytes], size: int) -> TreeTail:
        """Take up the tree of `size` leaves from its files.

        Raises:
            UnavailableError: a tile is missing.
            FormatError: a tile has the wrong length.
        """
        tail = cls()
        tail._levels = []
        level, width = 0, size
        while width or level == 0:
            index, partial = divmod(width, TILE_WIDTH)
            tail._levels.append(parse_tile(read(tile_path(level, index, partial)), partial) if partial else [])
            level, width = level + 1, index
        index, partial = divmod(size, TILE_WIDTH)
        tail._bundle = parse_entries(read(entries_path(index, partial))) if partial else []
        if len(tail._bundle) != partial:
            raise FormatError(f"{entries_path(index, partial)} does not hold {partial} entries")
        tail._size = size
        return tail

    def _perfect_subtrees(self) -> list[bytes]:
        """The frontier's nodes, largest first: within each unfinished tile one for each bit of its width."""
        nodes: list[bytes] = []
        for level in reversed(self._levels):
            start = 0
            for bit in reversed(range(_TILE_HEIGHT)):
                if len(level) >> bit & 1:
                    nodes.append(root_of(level[start : start + (1 << bit)]))
                    start += 1 << bit
        return nodes

    def append(self, leaves: Sequence[bytes]) -> Growth:
        """Add leaves; returns the tiles and bundles that are new at the new size."""
        growth = Growth({}, [])
        touched = 0
        for leaf in leaves:
            self._size += 1
            self._bundle.append(leaf)
            touched = max(touched, self._add(leaf_hash(leaf), growth))
        self._known = None
        for level in range(touched + 1 if leaves else 0):
            self._partial(level, growth)
        return growth

    def _add(self, node: bytes, growth: Growth) -> int:
        """Put a hash into the unfinished tile of level 0, carry full tiles upwards; returns the highest level touched."""
        level = 0
        self._levels[0].append(node)
        while len(self._levels[level]) == TILE_WIDTH:
            hashes = self._levels[level]
            index = (self.size >> _TILE_HEIGHT * (level + 1)) - 1
            self._store(growth, tile_path(level, index, TILE_WIDTH), b"".join(hashes))
            if level == 0:
                self._store(growth, entries_path(index, TILE_WIDTH), encode_entries(self._bundle))
                self._bundle = []
            self._levels[level] = []
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(root_of(hashes))
        return level

    @staticmethod
    def _store(growth: Growth, path: str, data: bytes) -> None:
        growth.files[path] = data
        growth.completed.append(path)

    def _partial(self, level: int, growth: Growth) -> None:
        hashes = self._levels[level]
        if not hashes:
            return
        index = self.size >> _TILE_HEIGHT * (level + 1)
        growth.files[tile_path(level, index, len(hashes))] = b"".join(hashes)
        if level == 0:
            growth.files[entries_path(index, len(hashes))] = encode_entries(self._bundle)
