"""The commands between owner and grantee, on a real place."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from privledger.protocol.address import fingerprint
from privledger.protocol.container import unpack
from privledger.protocol.errors import UnavailableError
from tests.unit.cli.conftest import RIDES, Town


def _grant_id(link_document: dict[str, str]) -> str:
    return link_document["grant"]


# --- addresses and requests -------------------------------------------------------------------------------------------


def test_an_address_is_a_file_and_its_fingerprint_is_printed(town: Town, tmp_path: Path) -> None:
    path = tmp_path / "me.address"
    document = town.ok("planner", "address", "--out", path, "--label", "lab", "--json").json
    body = unpack(path.read_bytes(), types={"address"}).body
    assert isinstance(body, bytes)
    assert document["fingerprint"] == fingerprint(body)
    assert len(document["fingerprint"].split()) == 8


def test_an_owner_sees_the_same_fingerprint(town: Town, tmp_path: Path) -> None:
    made = town.ok("planner", "address", "--out", tmp_path / "a", "--json").json
    seen = town.ok("owner", "address", tmp_path / "a", "--json").json
    assert seen["fingerprint"] == made["fingerprint"]


def test_an_address_goes_through_a_pipe(town: Town) -> None:
    done = town.ok("planner", "address", "--out", "-")
    assert unpack(done.stdout_bytes).type == "address"
    assert "fingerprint" in done.err


def test_a_request_is_granted_with_its_own_terms(town: Town, record: str, tmp_path: Path) -> None:
    words = ("--purpose", "research", "--until", "+7d", "--reads", "2", "--price", "150", "--currency", "eur")
    town.ok("planner", "request", "--out", tmp_path / "ask", "--text", "for a study", *words)
    done = town.ok("owner", "grant", record, "--request", tmp_path / "ask", "--json")
    terms = done.json["terms"]
    assert (terms["purposes"], terms["last_read"], terms["unit_price"], terms["currency"]) == (
        ["research"],
        2,
        150,
        "EUR",
    )


def test_an_owner_may_narrow_what_was_asked_for(town: Town, record: str, tmp_path: Path) -> None:
    town.ok("planner", "request", "--out", tmp_path / "ask", "--purpose", "research", "--until", "+7d", "--reads", "9")
    done = town.ok("owner", "grant", record, "--request", tmp_path / "ask", "--reads", "1", "--dry-run", "--json")
    assert done.json["terms"]["last_read"] == 1


def test_a_request_may_use_an_address_that_is_there(town: Town, record: str, tmp_path: Path) -> None:
    words = ("--purpose", "research", "--until", "+7d", "--address", town.file("planner.address"))
    asked = town.ok("planner", "request", "--out", tmp_path / "ask", *words, "--json").json
    assert (
        asked["fingerprint"] == town.ok("owner", "address", town.file("planner.address"), "--json").json["fingerprint"]
    )
    town.ok("owner", "grant", record, "--request", tmp_path / "ask", "--dry-run")


def test_the_wrong_kind_of_file_is_named(town: Town, record: str) -> None:
    done = town.run("owner", "grant", record, "--request", town.file("planner.address"))
    assert (done.code, "planner.address is an address, an access request was expected" in done.err) == (3, True)


def test_an_access_request_given_as_an_address_is_told_its_option(town: Town, record: str, tmp_path: Path) -> None:
    words = ("--purpose", "research", "--until", "+7d")
    town.ok("planner", "request", "--out", tmp_path / "ask", *words)
    done = town.run("owner", "grant", record, "--to", tmp_path / "ask", *words)
    assert (done.code, f"--request {tmp_path / 'ask'}" in done.err) == (3, True)


@pytest.mark.parametrize("option", ["--to", "--request"])
def test_what_is_no_file_of_ours_is_named(town: Town, record: str, tmp_path: Path, option: str) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    done = town.run("owner", "grant", record, option, tmp_path / "notes.txt", "--purpose", "x", "--until", "+1d")
    assert (done.code, "notes.txt is not a privledger file" in done.err) == (3, True)


def test_an_output_that_is_there_is_replaced_only_with_force(town: Town, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    done = town.run("planner", "address", "--out", tmp_path / "a")
    assert (done.code, "--force" in done.err) == (3, True)
    assert (tmp_path / "a").read_bytes() == b"before"
    town.ok("planner", "address", "--out", tmp_path / "a", "--force")
    assert unpack((tmp_path / "a").read_bytes()).type == "address"


# --- put, list, show ----------------------------------------------------------------------------------------------------


def test_put_prints_the_id_and_nothing_else_to_stdout(town: Town, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    done = town.ok("owner", "put", tmp_path / "notes.txt")
    assert len(bytes.fromhex(done.out.strip())) == 16
    shown = town.ok("owner", "show", done.out.strip(), "--json").json
    assert (shown["title"], shown["media_type"], shown["size"]) == ("notes.txt", "text/plain", 1)


def test_put_takes_a_pipe_with_a_title(town: Town) -> None:
    assert town.run("owner", "put", "-").code == 2
    done = town.ok("owner", "put", "-", "--title", "piped", "--json", stdin=b"from a pipe")
    assert town.ok("owner", "read", done.json["record"], "--out", "-").stdout_bytes == b"from a pipe"


def test_attributes_are_numbers_or_text(town: Town, tmp_path: Path) -> None:
    (tmp_path / "card").write_text("x")
    words = ("--attribute", "age=34", "--attribute", "town=Ghent", "--tag", "b", "--tag", "a", "--schema", "card/1")
    document = town.ok("owner", "put", tmp_path / "card", *words, "--json").json
    shown = town.ok("owner", "show", document["record"], "--json").json
    assert shown["attributes"] == [["age", "int"], ["town", "text"]]
    assert (shown["tags"], shown["schema"]) == (["a", "b"], "card/1")


@pytest.mark.parametrize("attribute", ["age", "=34"])
def test_an_attribute_without_name_or_value_is_refused(town: Town, attribute: str) -> None:
    done = town.run("owner", "put", town.file("source.csv"), "--attribute", attribute)
    assert (done.code, "is not NAME=VALUE" in done.err) == (2, True)


def test_a_number_below_zero_is_refused_and_not_taken_for_text(town: Town) -> None:
    done = town.run("owner", "put", town.file("source.csv"), "--attribute", "degrees=-1")
    assert (done.code, "degrees is below 0" in done.err) == (2, True)


def test_a_file_that_is_not_there_is_named(town: Town) -> None:
    done = town.run("owner", "put", town.file("nothing"))
    assert (done.code, "nothing is not there" in done.err) == (2, True)


def test_a_record_is_made_from_others(town: Town, record: str, tmp_path: Path) -> None:
    (tmp_path / "sum").write_text("x")
    made = town.ok("owner", "put", tmp_path / "sum", "--derived-from", "Rides in March", "--json").json
    assert town.ok("owner", "show", made["record"], "--json").json["derived_from"] == [record]


def test_list_shows_titles_and_live_grants(town: Town, record: str) -> None:
    rows = [line.split(maxsplit=3) for line in town.ok("owner", "list").out.splitlines()]
    assert rows[0][:2] == ["RECORD", "STATUS"]
    assert next(row for row in rows if row[0] == record)[1] == "live"


def test_list_shows_what_was_received(town: Town, record: str) -> None:
    grants = town.ok("planner", "list", "--received", "--json").json["grants"]
    assert record in {grant["record"] for grant in grants}


def test_show_tells_history_grants_and_receipts(town: Town, record: str) -> None:
    shown = town.ok("owner", "show", record, "--json").json
    assert [line["kind"] for line in shown["history"]][:2] == ["record", "grant"]
    assert shown["grants"][0]["label"] == "city planning"
    assert shown["receipts"][0]["read_number"] == 1
    assert "city planning" in town.ok("owner", "show", "rides in march").out


def test_an_outsider_sees_neither_title_nor_label_nor_terms(town: Town, record: str) -> None:
    done = town.ok("owner", "show", record, "--outsider")
    assert "the record was put" in done.out
    assert [word for word in ("Rides", "city", "planning") if word in done.out] == []


def test_receipts_are_saved_as_files_that_verify(town: Town, record: str, tmp_path: Path) -> None:
    town.ok("owner", "show", record, "--save", tmp_path / "saved")
    receipts = sorted((tmp_path / "saved").glob("*.receipt"))
    assert receipts
    assert town.ok("nobody", "verify", receipts[0], "--json").json["kind"] == "receipt"


# --- grant, inbox, read -------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_happen_and_does_nothing(town: Town, record: str) -> None:
    before = town.ok("owner", "show", record, "--json").json["grants"]
    words = ("--to", town.file("planner.address"), "--purpose", "x", "--until", "+1d", "--dry-run")
    done = town.ok("owner", "grant", record, *words)
    assert "could read 'Rides in March'" in done.out
    assert town.ok("owner", "show", record, "--json").json["grants"] == before


@pytest.mark.parametrize("words", [(), ("--to", "a", "--request", "b")], ids=["neither", "both"])
def test_a_grant_is_to_an_address_or_a_request(town: Town, record: str, words: tuple[str, ...]) -> None:
    done = town.run("owner", "grant", record, *words)
    assert (done.code, "whom to grant to" in done.err) == (2, True)


def test_an_unknown_record_lists_the_candidates(town: Town, record: str) -> None:
    done = town.run("owner", "show", "Rides in May")
    assert (done.code, f"{record} Rides in March" in done.err) == (2, True)


def test_the_inbox_finds_a_grant_without_the_link(town: Town, record: str) -> None:
    found = town.ok("planner", "inbox", "--json").json["grants"]
    assert record in {grant["record"] for grant in found}
    assert town.ok("owner", "inbox", "--json").json["grants"] == []


def test_a_whole_read_is_what_was_put_and_private(town: Town, link: str, tmp_path: Path) -> None:
    town.ok("planner", "read", link, "--out", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == RIDES
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600


def test_a_range_reads_both_ends_included(town: Town, link: str) -> None:
    done = town.ok("planner", "read", link, "--range", "6-12", "--out", "-")
    assert done.stdout_bytes == RIDES[6:13]


@pytest.mark.parametrize("text", ["6", "12-6", "a-b", "-5"])
def test_what_is_no_range_is_refused(town: Town, link: str, text: str) -> None:
    assert town.run("planner", "read", link, f"--range={text}", "--out", "-").code == 2


def test_a_range_beyond_the_end_leaves_no_file(town: Town, record: str, tmp_path: Path) -> None:
    done = town.run("owner", "read", record, "--range", f"0-{len(RIDES)}", "--out", tmp_path / "copy")
    assert (done.code, f"--range 0-{len(RIDES)} is not inside the record" in done.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_an_owner_reads_a_record_of_their_own(town: Town, tmp_path: Path) -> None:
    document = town.ok("owner", "read", "Rides in March", "--out", tmp_path / "copy", "--json").json
    assert (document["size"], document["title"]) == (len(RIDES), "Rides in March")
    assert (tmp_path / "copy").read_bytes() == RIDES


def test_a_grant_is_read_by_the_first_digits_of_its_id(town: Town, tmp_path: Path) -> None:
    grant = town.ok("planner", "list", "--received", "--json").json["grants"][0]["grant"]
    town.ok("planner", "read", grant[:12], "--out", tmp_path / "copy")


def test_a_link_is_of_no_use_to_another_wallet(town: Town, link: str, tmp_path: Path) -> None:
    done = town.run("owner", "read", link, "--out", tmp_path / "copy", "--json")
    assert (done.code, done.json["error"]["code"]) == (4, "not_addressee")
    assert list(tmp_path.iterdir()) == []


# --- revoke and erase ---------------------------------------------------------------------------------------------------


def test_a_revoked_grant_reads_no_more(town: Town, tmp_path: Path) -> None:
    record = town.put("To be revoked")
    link = town.grant(record)
    town.ok("planner", "read", link, "--out", tmp_path / "before")
    ended = town.ok("owner", "revoke", link, "--json").json["revoked"][0]
    done = town.run("planner", "read", link, "--out", tmp_path / "after", "--json")
    assert (done.code, done.json["error"]["code"]) == (4, "grant_revoked")
    assert f"entry {ended['index']}" in done.json["error"]["message"]
    assert not (tmp_path / "after").exists()


def test_all_grants_of_a_record_are_revoked_together(town: Town) -> None:
    record = town.put("All revoked")
    town.grant(record)
    town.grant(record)
    town.ok("owner", "revoke", "--all", "All revoked")
    assert [one["status"] for one in town.ok("owner", "show", record, "--json").json["grants"]] == [
        "revoked",
        "revoked",
    ]


def test_what_ended_is_named_by_grant_and_label(town: Town) -> None:
    record = town.put("Named when it ends")
    town.grant(record)
    (grant,) = town.ok("owner", "show", record, "--json").json["grants"]
    done = town.ok("owner", "revoke", grant["grant"])
    assert done.out.startswith(f"grant {grant['grant'][:8]} (city planning): ended by entry ")


def test_what_has_ended_is_left_as_it_is(town: Town) -> None:
    record = town.put("Ended twice")
    town.grant(record)
    (grant,) = town.ok("owner", "show", record, "--json").json["grants"]
    entry = town.ok("owner", "revoke", grant["grant"], "--json").json["revoked"][0]["index"]
    before = (town.place / "log" / "checkpoint").read_bytes().splitlines()[1]
    again = town.ok("owner", "revoke", grant["grant"])
    assert again.out.strip() == f"grant {grant['grant'][:8]} (city planning): already ended by entry {entry}"
    everything = town.ok("owner", "revoke", "--all", record)
    assert "no grant of it is live" in everything.out
    assert (town.place / "log" / "checkpoint").read_bytes().splitlines()[1] == before


def test_a_service_that_could_not_be_told_is_named(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("away")

    record = town.put("Nobody told")
    town.grant(record)
    monkeypatch.setattr("privledger.vault.vault.LocalVault.notify", away)
    done = town.ok("owner", "revoke", "--all", record)
    assert "could not be told; it refuses once it has read the log" in done.err


def test_received_grants_have_a_status(town: Town, tmp_path: Path) -> None:
    record = town.put("Received and ended")
    link = town.grant(record)
    town.ok("planner", "read", link, "--out", tmp_path / "copy")

    def status() -> str:
        listed = town.ok("planner", "list", "--received", "--json").json["grants"]
        return next(str(one["status"]) for one in listed if one["record"] == record)

    assert status() == "live"
    town.ok("owner", "revoke", link)
    assert status() == "revoked"
    assert "STATUS" in town.ok("planner", "list", "--received").out


def test_a_label_that_fits_two_grants_lists_both(town: Town) -> None:
    record = town.put("Two alike")
    town.grant(record)
    town.grant(record)
    done = town.run("owner", "revoke", "city planning")
    assert (done.code, "grants fit 'city planning'" in done.err) == (2, True)


def test_erase_asks_and_does_nothing_without_yes(town: Town) -> None:
    record = town.put("Kept")
    done = town.run("owner", "erase", record, stdin=b"no\n")
    assert (done.code, "nothing was done" in done.err) == (3, True)
    assert town.ok("owner", "show", record, "--json").json["status"] == "live"


def test_an_erased_record_is_gone_and_certified(town: Town, tmp_path: Path) -> None:
    record = town.put("Erased")
    link = town.grant(record)
    document = town.ok("owner", "erase", record, "--json", stdin=b"yes\n").json
    assert [one["record"] for one in document["certificates"]] == [record]
    shown = town.ok("owner", "show", record[:8], "--save", tmp_path / "saved", "--json")
    assert shown.json["status"] == "erased"
    assert town.run("planner", "read", link, "--out", tmp_path / "copy").code == 4
    (certificate,) = (tmp_path / "saved").glob("*.certificate")
    assert town.ok("nobody", "verify", certificate, "--json").json["kind"] == "certificate"


def test_a_failed_put_of_an_output_never_touches_its_input(town: Town, record: str) -> None:
    before = Path(town.file("planner.address")).read_bytes()
    words = ("--purpose", "x", "--until", "+1d", "--address", town.file("planner.address"))
    done = town.run("planner", "request", "--out", town.file("planner.address"), *words)
    assert (done.code, "both read and written" in done.err) == (2, True)
    assert Path(town.file("planner.address")).read_bytes() == before
