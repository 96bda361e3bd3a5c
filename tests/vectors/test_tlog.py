"""C2SP transparency logs: the tessera test log (17 checkpoints, 15 leaves, 30 resources) and the signed-note example."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from privledger_crypto import merkle, notes
from privledger_crypto.errors import VerificationError

VECTOR_SET = "tlog checkpoints, tiles and notes (tessera testdata, C2SP signed-note)"

FOLDER = Path(__file__).parent / "tlog"
LOG = json.loads((FOLDER / "tessera-testlog.json").read_text())
EXAMPLE = json.loads((FOLDER / "signed-note-example.json").read_text())
KEY = notes.parse_vkey(LOG["vkey"])
LEAVES = [text.encode() for text in LOG["leaves_utf8"]]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


def checkpoint(name: str) -> notes.Checkpoint:
    note = notes.parse_note(LOG["checkpoints"][name].encode())
    notes.verify_note(note, [KEY])
    return notes.parse_checkpoint(note.text)


@pytest.mark.parametrize("name", LOG["checkpoints"])
def test_a_checkpoint_verifies_and_its_root_is_that_of_the_leaves(name):
    read = checkpoint(name)
    assert (read.origin, read.root) == (KEY.name, merkle.root_of(HASHES[: read.size]))


@pytest.mark.parametrize("name", LOG["checkpoints"])
def test_a_checkpoint_is_written_byte_for_byte(name):
    published = LOG["checkpoints"][name].encode()
    note = notes.parse_note(published)
    text = notes.checkpoint_text(notes.parse_checkpoint(note.text))
    assert notes.Note(text, note.signatures).to_bytes() == published


@pytest.mark.parametrize("name", LOG["checkpoints"])
def test_a_checkpoint_with_a_changed_size_is_false(name):
    note = notes.parse_note(LOG["checkpoints"][name].encode())
    read = notes.parse_checkpoint(note.text)
    other = notes.checkpoint_text(notes.Checkpoint(read.origin, read.size + 1, read.root))
    with pytest.raises(VerificationError):
        notes.verify_note(notes.Note(other, note.signatures), [KEY])


@pytest.mark.parametrize("path", LOG["resources_hex"])
def test_a_tile_holds_the_leaf_hashes_and_a_bundle_the_entries(path):
    content, width = bytes.fromhex(LOG["resources_hex"][path]), int(path.rpartition("/")[2])
    if path.startswith("tile/entries/"):
        assert content == b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in LEAVES[:width])
    else:
        assert content == b"".join(HASHES[:width])


@pytest.mark.parametrize("size", range(1, 16))
def test_proofs_from_the_leaves_verify_against_the_published_roots(size):
    root = checkpoint(f"checkpoint.{size}").root
    for index in range(size):
        merkle.verify_inclusion(HASHES[index], index, size, merkle.inclusion_proof(HASHES, index, size), root)


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(range(1, 16), 2)])
def test_published_checkpoints_are_shown_to_be_consistent(first, second):
    old, new = checkpoint(f"checkpoint.{first}"), checkpoint(f"checkpoint.{second}")
    proof = merkle.consistency_proof(HASHES, first, second)
    merkle.verify_consistency(first, old.root, second, new.root, proof)


def test_the_example_of_the_specification_verifies_and_is_written_byte_for_byte():
    key = notes.parse_vkey(EXAMPLE["vkey"])
    note = notes.parse_note(EXAMPLE["note"].encode())
    assert notes.verify_note(note, [key]) == [key]
    assert (note.to_bytes().decode(), key.to_vkey()) == (EXAMPLE["note"], EXAMPLE["vkey"])


def test_all_vectors_are_used():
    assert (len(LOG["checkpoints"]), len(LOG["leaves_utf8"]), len(LOG["resources_hex"])) == (17, 15, 30)
