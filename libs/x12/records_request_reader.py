"""One 277 that requests records: the levels of any 277, and under each trace of a claim what the payer wants for it."""

from typing import Final

from libs.x12.acknowledgement import StatusLevel
from libs.x12.claim_parts import filled
from libs.x12.records_request import RecordsRequest, RequestedCode, RequestedLine
from libs.x12.status_reader import CODES, SERVICE, Placed, StatusReader, of_kind

REQUESTS: Final = "006020X313"  # the edition that asks, where others answer
_DUE: Final = "106"


class RecordsRequestReader(StatusReader):
    """Reads one request for records; its units are its levels (HL loops)."""

    def _emit(self, level: StatusLevel, segments: list[Placed], position: tuple[int, int]) -> None:
        """Emit what is asked under one TRN. What the answer cannot do without and is not there is a finding."""
        if level != "claim":
            return
        trace, own, under = self._parted(segments)
        lines = tuple(map(self._requested, under))
        references = self._references(own)
        codes = self._asked(own)
        due, service = self._days(own, _DUE), self._days(own, SERVICE)
        missing = {"TRN": not trace, "STC": not (codes or any(line.codes for line in lines)), "DTP": due is None}
        for segment_id, is_missing in missing.items():
            if is_missing:
                self.note(position, "missing_segment", "warning", segment_id, unit=self.units_read)
        self.items.append(
            RecordsRequest(
                ordinal=self.units_read,
                segment_index=position[1],
                byte_offset=position[0],
                trace=trace,
                codes=codes,
                payer_name=self._payer[0],
                payer_id=self._payer[1],
                provider_npi=self._provider_npi,
                patient_control_number=references.get("EJ", ""),
                payer_claim_control_number=references.get("1K", trace),
                clearinghouse_number=references.get("D9", ""),
                attachment_control_number=next((self._parts.attachment(each).control_number for each in of_kind(own, "PWK")), ""),
                service_from_on=service.from_on if service else None,
                service_to_on=service.to_on if service else None,
                due_on=due.to_on or due.from_on if due else None,
                lines=lines,
            )
        )

    def _requested(self, segments: list[Placed]) -> RequestedLine:
        _, code, _, _ = self._parts.procedure(filled(segments[0][0], self.separator, 2)[1])
        service = self._days(segments, SERVICE)
        return RequestedLine(
            procedure_code=code,
            codes=self._asked(segments),
            line_control_number=self._references(segments).get("FJ", ""),
            service_from_on=service.from_on if service else None,
        )

    def _asked(self, segments: list[Placed]) -> tuple[RequestedCode, ...]:
        found: dict[RequestedCode, None] = {}
        for segment in of_kind(segments, "STC"):
            elements = filled(segment, self.separator, 12)
            for at in CODES:
                category, code, _, code_list, *_ = [*elements[at].split(self.component), "", "", "", ""]
                if category or code:
                    found[RequestedCode(category, code, code_list)] = None
        return tuple(found)
