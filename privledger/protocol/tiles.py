"""The log as static files (C2SP tlog-tiles v0.1.0): their paths, their bytes, and which of them a new size needs.

    for resource in tiles_for(old_size, new_size):
        resource.path                                  # "tile/0/x001/234.p/7"
    reader = TileReader(read, size)                    # read: path -> bytes
    inclusion_proof(reader, index, size)

A tile holds up to 256 hashes of one level of every eighth; a bundle holds the 256 leaves below a level-0 tile. Left to others:
where the files lie, and whether their hashes lead to a signed root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from privledger.protocol.errors import FormatError, UsageError
from privledger_crypto.merkle import HASH_SIZE, node_hash

__all__ = [
    "TILE_WIDTH",
    "Resource",
    "TileReader",
    "encode_entries",
    "entries_path",
    "parse_entries",
    "parse_tile",
    "tile_path",
    "tiles_for",
]

TILE_WIDTH = 256
"""Hashes of a full tile, and leaves of a full bundle."""
_TILE_HEIGHT = 8
_MAX_ENTRY = 0xFFFF  # bytes; the length stands in two


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Path of the tile at `level` (0 to 5) with `width` hashes (1 to 256)."""
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Path of the bundle with `width` leaves (1 to 256)."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def _number(index: int) -> str:
    """Groups of three digits, all but the last marked with an x."""
    last = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        last = f"x{index % 1000:03d}/{last}"
    return last


def _partial(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise UsageError(f"a tile has 1 to {TILE_WIDTH} hashes, not {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"


def encode_entries(leaves: Sequence[bytes]) -> bytes:
    """The bytes of a bundle: each leaf after its length in two bytes, big-endian.

    Raises:
        UsageError: a leaf is over 65,535 bytes.
    """
    if any(len(leaf) > _MAX_ENTRY for leaf in leaves):
        raise UsageError(f"a leaf of a bundle has at most {_MAX_ENTRY} bytes")
    return b"".join(part for leaf in leaves for part in (len(leaf).to_bytes(2, "big"), leaf))


def parse_entries(data: bytes) -> list[bytes]:
    """The leaves of a bundle.

    Raises:
        FormatError: it ends in the middle of a leaf, or holds more than 256.
    """
    leaves: list[bytes] = []
    position = 0
    while position < len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        if position + 2 > len(data) or end > len(data) or len(leaves) == TILE_WIDTH:
            raise FormatError("an entry bundle ends in the middle of a leaf, or is too long")
        leaves.append(data[position + 2 : end])
        position = end
    return leaves


def parse_tile(data: bytes, width: int) -> list[bytes]:
    """The `width` hashes of a tile.

    Raises:
        FormatError: it holds another number of them.
    """
    if len(data) != width * HASH_SIZE:
        raise FormatError(f"a tile of {width} hashes has {width * HASH_SIZE} bytes, not {len(data)}")
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of the log: the tile at `level`, or a bundle if `level` is None. `start` is its first node or leaf."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it stands."""
        if self.level is None:
            return entries_path(self.index, self.width)
        return tile_path(self.level, self.index, self.width)

    @property
    def start(self) -> int:
        """Its first leaf (of a bundle), or its first node at tree level 8 × `level`."""
        return self.index * TILE_WIDTH


def tiles_for(old_size: int, new_size: int) -> list[Resource]:
    """The files to write when a log grows from `old_size` to `new_size` leaves: bundles first, then tiles upwards.

    Whatever was full at `old_size`, or stays as wide as it was, is left out. Sizes in between that were never published need
    no partial tiles.
    """
    if not 0 <= old_size <= new_size:
        raise UsageError(f"a log does not grow from {old_size} to {new_size} leaves")
    found = [Resource(None, index, width) for index, width in _changed(old_size, new_size)]
    level = 0
    while new_size >> (_TILE_HEIGHT * level):
        shift = _TILE_HEIGHT * level
        found += [Resource(level, index, width) for index, width in _changed(old_size >> shift, new_size >> shift)]
        level += 1
    return found


def _changed(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Index and width of the tiles that hold the nodes [old, new) of a level of `new` nodes."""
    if old < new:
        for index in range(old // TILE_WIDTH, (new - 1) // TILE_WIDTH + 1):
            yield index, min(TILE_WIDTH, new - index * TILE_WIDTH)


class TileReader:
    """Reads nodes and leaves of the tree of `size` leaves from its files; a `NodeReader` of `privledger_crypto.merkle`.

    Args:
        read: the bytes of a path; its errors pass through.
        size: a published size. Only the partial tiles of this size are asked for.
        cached: tiles kept in memory.
    """

    def __init__(self, read: Callable[[str], bytes], size: int, *, cached: int = 256) -> None:
        self._read = read
        self._limit = cached
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._bundle: tuple[int, list[bytes]] = (-1, [])
        self.size = size

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over the leaves [index·2^level, (index+1)·2^level).

        Raises:
            FormatError: a tile is not of its size.
            UsageError: the tree of `size` leaves does not hold that subtree.
        """
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise UsageError(f"the node at level {level}, index {index} is not in the tree of {self.size} leaves")
        tile_level, above = divmod(level, _TILE_HEIGHT)
        first = index << above
        tile_index, offset = divmod(first, TILE_WIDTH)
        nodes = self._tile(tile_level, tile_index)[offset : offset + (1 << above)]
        while len(nodes) > 1:
            nodes = [node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
        return nodes[0]

    def leaf(self, index: int) -> bytes:
        """The leaf at `index`. Raises as `leaves` does."""
        return next(iter(self.leaves(index, index + 1)))

    def leaves(self, start: int, end: int) -> Iterable[bytes]:
        """The leaves of [start, end), a bundle at a time.

        Raises:
            FormatError: a bundle does not hold its leaves.
            UsageError: the range is not in the tree.
        """
        if not 0 <= start <= end <= self.size:
            raise UsageError(f"the leaves from {start} to {end} are not in the tree of {self.size} leaves")
        return self._leaves(start, end)

    def _leaves(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            index, offset = divmod(start, TILE_WIDTH)
            stop = min(end, (index + 1) * TILE_WIDTH)
            yield from self._entries(index)[offset : offset + stop - start]
            start = stop

    def _entries(self, index: int) -> list[bytes]:
        if self._bundle[0] != index:
            width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
            leaves = parse_entries(self._read(entries_path(index, width)))
            if len(leaves) != width:
                raise FormatError(f"the bundle {entries_path(index, width)} holds {len(leaves)} leaves")
            self._bundle = (index, leaves)
        return self._bundle[1]

    def _tile(self, level: int, index: int) -> list[bytes]:
        nodes = self._tiles.get((level, index))
        if nodes is None:
            width = min(TILE_WIDTH, (self.size >> (_TILE_HEIGHT * level)) - index * TILE_WIDTH)
            nodes = parse_tile(self._read(tile_path(level, index, width)), width)
            if len(self._tiles) >= self._limit:
                del self._tiles[next(iter(self._tiles))]  # the oldest: proofs go from left to right
            self._tiles[level, index] = nodes
        return nodes
