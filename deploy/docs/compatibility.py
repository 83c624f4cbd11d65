"""Does a JSON Schema keep the promise of its version, nothing but optional additions, so that readers of the released one go on?

Stricter than what breaks a reader of JSON alone: a widened enumeration breaks who switches on it, a changed default changes what an
absent field means, a field that is no longer required breaks who counts on it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$schema", "$id", "$defs", "$ref"})
_STRUCTURE: Final = frozenset({"properties", "required", "items", "additionalProperties", "anyOf"})


def breaks(released: Schema, current: Schema) -> list[str]:
    """Return a sentence for each way in which `current` breaks readers of `released`, or what they kept of it; none is good."""
    return list(_Comparison(released, current).compare(released, current, "the event"))


class _Comparison:
    """Holds both documents, because `$ref` points to their roots."""

    def __init__(self, released: Schema, current: Schema) -> None:
        self._roots = (released, current)

    def compare(self, released: Schema, current: Schema, where: str) -> Iterator[str]:
        old, new = (self._resolved(schema, root) for schema, root in zip((released, current), self._roots, strict=True))
        for keyword in sorted({*old, *new} - _ANNOTATIONS - _STRUCTURE):
            if old.get(keyword) != new.get(keyword):
                yield f"{where}: {keyword} was {old.get(keyword)} and is {new.get(keyword)}"
        yield from self._properties(old, new, where)
        for keyword in ("items", "additionalProperties"):
            yield from self._optional_part(old.get(keyword), new.get(keyword), f"{where}, {keyword}")
        yield from self._alternatives(old.get("anyOf", ()), new.get("anyOf", ()), where)

    @staticmethod
    def _resolved(schema: Schema, root: Schema) -> Schema:
        while "$ref" in schema:
            *_, name = schema["$ref"].split("/")
            schema = {**{key: told for key, told in schema.items() if key != "$ref"}, **root["$defs"][name]}
        return schema

    def _properties(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{where}: {name} was removed"
            else:
                yield from self.compare(before[name], after[name], name)
        required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(required_after - required_before):
            yield f"{where}: {name} is required now"
        for name in sorted((required_before - required_after) & set(after)):
            yield f"{where}: {name} may be absent now"

    def _optional_part(self, old: Any, new: Any, where: str) -> Iterator[str]:
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self.compare(old, new, where)
        elif old != new:
            yield f"{where} was {old} and is {new}"

    def _alternatives(self, old: Any, new: Any, where: str) -> Iterator[str]:
        if len(old) != len(new):
            yield f"{where}: {len(old)} alternatives became {len(new)}"
            return
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from self.compare(before, after, f"{where}, alternative {number}")
