from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quant_core.ledger import records

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quant_core.ledger import Ledger

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]


HIDDEN = "[redacted]"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "passwd",
        "passphrase",
        "pwd",
        "token",
        "accessToken",
        "client-secret",
        "AWS_ACCESS_KEY_ID",
        "awsSecretAccessKey",
        "keyId",
        "api_key",
        "apikey",
        "private key",
        "storage.account.key",
        "credentials",
        "Authorization",
        "set-cookie",
    ],
)
def test_the_value_of_a_telling_name_is_hidden(
    path: Path, begin: Begin, note: Note, name: str
) -> None:
    with begin() as ledger:
        ledger.append("action", note(context={"inner": [{name: {"deep": "hunter2"}}]}))
    assert b"hunter2" not in path.read_bytes()
    *_, last = records(path)
    assert last.body["context"] == {"inner": [{name: HIDDEN}]}


@pytest.mark.parametrize("name", ["key", "cell_key", "prev_key", "keys", "passes", "inputs_hash"])
def test_a_cell_key_is_no_secret(path: Path, begin: Begin, note: Note, name: str) -> None:
    with begin() as ledger:
        ledger.append("action", note(**{name: "9f3c"}))
    *_, last = records(path)
    assert last.body[name] == "9f3c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://ann:hunter2@db/x?a=1", f"postgresql://{HIDDEN}@db/x?a=1"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("login password=hunter2, host=db", f"login password={HIDDEN}, host=db"),
        ("{'password': 'hunter 2', 'n': 1}", f"{{'password': {HIDDEN}, 'n': 1}}"),
        ('{"api_key": "hunter2"}', f'{{"api_key": {HIDDEN}}}'),
        ("Authorization: Bearer hunter2", f"Authorization: {HIDDEN}"),
        ("sent Bearer hunter2hunter2", f"sent Bearer {HIDDEN}"),
        ("https://x/?X-Amz-Signature=hunter2&b=1", f"https://x/?X-Amz-Signature={HIDDEN}&b=1"),
        ("AWS_SECRET_ACCESS_KEY=hunter2", f"AWS_SECRET_ACCESS_KEY={HIDDEN}"),
        ("id AKIAABCDEFGHIJKLMNOP used", f"id {HIDDEN} used"),
        ("jwt eyJhbGci.eyJzdWIi.c2ln end", f"jwt {HIDDEN} end"),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2", HIDDEN),
        ("key=9f3c is a cell", "key=9f3c is a cell"),
    ],
)
def test_secrets_inside_a_text_are_hidden(
    path: Path, begin: Begin, note: Note, text: str, expected: str
) -> None:
    with begin() as ledger:
        ledger.append("action", note(text=[text]))
    *_, last = records(path)
    assert last.body["text"] == [expected]


def test_a_url_as_a_name_keeps_its_value(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note(inputs={"s3://ann:hunter2@b/tokens.csv": "9f3c"}))
    *_, last = records(path)
    assert last.body["inputs"] == {f"s3://{HIDDEN}@b/tokens.csv": "9f3c"}


def test_a_value_of_the_environment_is_hidden_in_an_error(
    path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "correct-horse")
    monkeypatch.setenv("SHORT_TOKEN", "a")
    with begin() as ledger, pytest.raises(OSError, match="correct-horse"), ledger.action("fetch"):
        raise OSError("403 for correct-horse at https://bob:pw@x/")
    *_, last = records(path)
    assert last.body["outcome"] == {
        "error": "OSError",
        "message": f"403 for {HIDDEN} at https://{HIDDEN}@x/",
    }


def test_a_long_text_is_scanned_in_linear_time(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note(text=["token" * 20_000, "a" * 200_000, "eyJ" * 20_000]))
    assert path.stat().st_size > 300_000
