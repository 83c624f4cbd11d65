"""Pages as PDF/A, by Typst. What is said is handed over as data and never becomes Typst code.

Nothing is fetched: the fonts are those inside the library, and no package is asked for. The same content gives the same bytes.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import typst

_STANDARD: Final = "a-2a"


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def compile_pdf(source: Path, inputs: Mapping[str, Any], on: date) -> bytes:
    """Set one of our own sources with what it is to say, dated with a day."""
    folder = source.parent
    compiler = typst.Compiler(
        root=folder, font_paths=_fonts(), ignore_system_fonts=True, package_path=folder, package_cache_path=folder
    )
    made = compiler.compile(
        input=source.read_bytes(),
        format="pdf",
        sys_inputs={key: json.dumps(value) for key, value in inputs.items()},
        pdf_standards=_STANDARD,
        timestamp=datetime.combine(on, time(), UTC),
    )
    if not isinstance(made, bytes):  # several pages of a picture; a PDF is one
        raise TypeError("Typst gave no PDF")
    return made
