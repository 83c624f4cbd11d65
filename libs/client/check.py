"""`recours check`: claims in files held against the rules before they go out, told as a linter would tell it."""

from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from rich.text import Text

from libs.client import services, sources
from libs.client.shapes import Checked, CheckedClaim, ClaimRisk, RuleFinding
from libs.client.show import output, plain, print_json
from libs.client.sources import Source
from libs.client.transport import Service

Format = Literal["text", "json", "sarif"]
_COLOURS: Final = {"error": "red", "warning": "yellow", "info": "cyan"}
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}  # SARIF's words
_AT_RISK: Final = 0.25  # about twice what is usual: a line for every claim would hide the others
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def check(names: list[str], form: Format) -> int:
    """Check files, in order, and print what was found; return the exit status: 0 no error was found, 1 one was."""
    found = []
    with Service("ingest") as ingest:
        for source in sources.find(names):
            with source.open() as file:
                body = sources.body_of(file, lambda _: None, sources.media_type(file))
                found.append((source, services.check_claims(ingest, body)))
    told = [(source, answer.value) for source, answer in found]
    if form == "json":
        for source, answer in found:
            print_json({"file": source.name, **_plain(answer.raw)})
    elif form == "sarif":
        print_json(sarif(told))
    else:
        _print(told)
    return int(any(_has_error(checked) for _, checked in told))


def _plain(raw: bytes) -> dict[str, Any]:
    return dict(msgspec.json.decode(raw))


def _has_error(checked: Checked) -> bool:
    return any(claim.verdict == "error" for claim in checked.claims) or any(each.severity == "error" for each in checked.reading)


def _print(told: list[tuple[Source, Checked]]) -> None:
    """Print a line a finding: file, segment, severity, rule, place, message, what to do; and one for each claim that is likely to
    be denied, as learned from earlier ones, which decides nothing. Then a line that sums up.
    """
    out, summary = output(), output(errors=True)
    for source, checked in told:
        for irregular in checked.reading:
            place = f"{plain(source.name)}:{irregular.segment_index}: "
            out.print(Text(place) + _severity(irregular.severity) + f" {irregular.code} {irregular.message}", soft_wrap=True)
        for claim in checked.claims:
            place = f"{plain(source.name)}:{claim.segment_index or f'claim {claim.ordinal}'}: "
            for each in claim.findings:
                line = "" if each.line is None else f" line {each.line}"
                told_ = f" {each.rule} {each.loop} {each.element}{line}: {each.message} {each.correct}"
                out.print(Text(place) + _severity(each.severity) + told_, soft_wrap=True)
            if claim.risk is not None and claim.risk.probability >= _AT_RISK:
                out.print(Text(place) + Text("risk", style="magenta") + _risk(claim.risk), soft_wrap=True)
    claims = [claim for _, checked in told for claim in checked.claims]
    counts = [sum(claim.verdict == verdict for claim in claims) for verdict in ("error", "warning", "clean")]
    summary.print(f"{len(claims)} claims: {counts[0]} with errors, {counts[1]} with warnings, {counts[2]} clean.")
    missing = sorted({name for _, checked in told for name in checked.not_loaded})
    if missing:
        summary.print(f"Not checked against {', '.join(missing)}: nothing is loaded (`recours reference load`).")


def _risk(risk: ClaimRisk) -> str:
    category = f", {plain(risk.category)}" if risk.category else ""
    return f" {risk.probability:.0%} to be denied{category}. {plain(' '.join(risk.reasons))}"


def _severity(severity: str) -> Text:
    return Text(severity, style=_COLOURS[severity])


def sarif(told: list[tuple[Source, Checked]]) -> dict[str, Any]:
    """Say findings as SARIF 2.1.0 does, for tools that show it beside the file."""
    rules = {each.rule: each for _, checked in told for claim in checked.claims for each in claim.findings}
    results = [_result(source, claim, each) for source, checked in told for claim in checked.claims for each in claim.findings]
    results += [
        {
            "ruleId": each.code,
            "level": _LEVELS[each.severity],
            "message": {"text": each.message},
            "locations": [_location(source, each.byte_offset)],
        }
        for source, checked in told
        for each in checked.reading
    ]
    described = [
        {
            "id": each.rule,
            "shortDescription": {"text": each.why},
            "help": {"text": each.correct},
            "defaultConfiguration": {"level": _LEVELS[each.severity]},
        }
        for each in rules.values()
    ]
    driver = {"name": "recours check", "rules": described}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(source: Source, claim: CheckedClaim, each: RuleFinding) -> dict[str, Any]:
    place = f"claim {claim.ordinal} {each.path} ({each.loop} {each.element})"
    logical = {"logicalLocations": [{"fullyQualifiedName": place}]}
    return {
        "ruleId": each.rule,
        "level": _LEVELS[each.severity],
        "message": {"text": f"{each.message} {each.correct}"},
        "locations": [_location(source, claim.byte_offset) | logical],
    }


def _location(source: Source, byte_offset: int | None) -> dict[str, Any]:
    artifact: dict[str, Any] = {"artifactLocation": {"uri": Path(source.name).as_posix()}}
    if byte_offset is not None:
        artifact["region"] = {"byteOffset": byte_offset, "byteLength": 0}
    return {"physicalLocation": artifact}
