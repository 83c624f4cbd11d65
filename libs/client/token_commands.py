"""`recours token`: tokens of people and machines from a local folder of keys; docs/access.md tells of scopes and roles."""

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from libs.client.errors import ClientError
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.common.access.directory import Issued, KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER

app: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Tokens: issued, revoked, listed; and the key that signs."
)
Keys = Annotated[
    Path, typer.Option("--keys", envvar="RECOURS_KEYS", help="the folder of keys; that of a stack is `access` in its folder")
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]
DEFAULT_KEYS: Final = Path(".local") / "access"
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}


@app.command("issue")
def issue(
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="who is to carry it: a person or a machine, as histories name them")
    ],
    tenant: Annotated[str, typer.Option(help="whose data it opens")] = "local",
    role: Annotated[list[str] | None, typer.Option(help="such as biller; several times for several")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="such as claims:write; several times for several")] = None,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="how long: 30m, 12h, 90d; 366d at most")] = "1d",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="a file for its owner alone, instead of standard output")] = None,
    keys: Keys = DEFAULT_KEYS,
    as_json: AsJson = False,
) -> None:
    """Issue a token and print it, once: it is kept nowhere. The first makes the folder's key."""
    told = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", lasts)
    if told is None:
        raise typer.BadParameter("--for is a number and m, h or d, such as 12h.")
    folder = KeyDirectory(keys, os.environ.get("RECOURS_ISSUER", LOCAL_ISSUER), os.environ.get("RECOURS_AUDIENCE", AUDIENCE))
    wish = Wish(subject, tenant, tuple(role or ()), tuple(scope or ()), int(told[1]) * _UNITS[told[2]])
    folder.prepare()
    try:
        token, issued = folder.issue(wish, int(time.time()))
    except ValueError as error:
        raise ClientError(str(error)) from None
    if out is not None:
        out.unlink(missing_ok=True)
        out.touch(mode=0o600)
        out.write_text(token)
    if as_json:
        print_json({**msgspec.to_builtins(issued), **({} if out else {"token": token})})
        return
    if out is None:
        typer.echo(token)
    output(errors=True).print(
        f"Token {issued.token_id} for {plain(subject)}, tenant {plain(tenant)}, until {_at(issued.expires_at)}."
    )


@app.command("list")
def show_list(keys: Keys = DEFAULT_KEYS, as_json: AsJson = False) -> None:
    """List the tokens that have not ended, oldest first; without the tokens themselves."""
    issued = _existing(keys).issued(int(time.time()))
    if as_json:
        for each in issued:
            print_json(msgspec.to_builtins(each))
        return
    columns = [Column("id"), Column("subject"), Column("tenant"), Column("opens", min_width=20), Column("until"), Column("state")]
    print_rows(output(), columns, [_row(each) for each in issued])


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="its `jti`, as the list shows it")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="of a token that was issued elsewhere: the day on which it ends by itself"),
    ] = None,
    keys: Keys = DEFAULT_KEYS,
    as_json: AsJson = False,
) -> None:
    """Revoke a token: services that read this folder refuse it within two seconds, without a restart."""
    ends_at = int(until.replace(tzinfo=UTC).timestamp()) + _UNITS["d"] if until else None
    if not _existing(keys).revoke(token_id, int(time.time()), ends_at=ends_at):
        raise ClientError("No such token was issued here; for one from elsewhere say with --until when it ends.")
    if as_json:
        print_json({"token_id": token_id, "revoked": True})
        return
    output(errors=True).print("Revoked.")


@app.command("rotate-key")
def rotate(keys: Keys = DEFAULT_KEYS, as_json: AsJson = False) -> None:
    """Sign with a fresh key from now on. Tokens that the key before signed stay good until they end, and no longer."""
    key_id = _existing(keys).rotate(int(time.time()))
    if as_json:
        print_json({"key_id": key_id})
        return
    output(errors=True).print(f"Tokens are signed with key {key_id} from now on.")


def _existing(keys: Path) -> KeyDirectory:
    """Errors: ClientError where there are no keys: nothing is made by asking."""
    folder = KeyDirectory(keys)
    if not folder.jwks.exists():
        raise ClientError(f"{keys} holds no keys; name their folder with --keys.")
    return folder


def _row(each: Issued) -> list[str]:
    opens = ", ".join([*each.roles, *each.scopes])
    state = "revoked" if each.revoked_at is not None else "good"
    return [each.token_id, plain(each.subject), plain(each.tenant_id), opens, _at(each.expires_at), state]


def _at(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
