"""What pyx12 says of a file. Its maps, which it reads from XML for every file and then only looks into, are read once."""

import io
from functools import cache
from typing import TextIO

from pyx12 import map_if
from pyx12.params import ParamsBase
from pyx12.x12n_document import x12n_document

_PARAMS = ParamsBase()

map_if.load_map_file = cache(map_if.load_map_file)


def examine(text: str, *, answer: TextIO | None = None, errors: TextIO | None = None) -> bool:
    """Return whether pyx12 has nothing against a file; write the 999 that it answers with, or what is wrong as JSON."""
    return bool(x12n_document(_PARAMS, io.StringIO(text), answer, None, fd_json=errors))
