"""Pages of which one part is written from a table: it stands between two marks, and people write the rest."""

from pathlib import Path


def between(page: Path, begin: str, end: str, told: str) -> str:
    """Return a page with what stands between its two marks written anew."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{told}\n\n{end}{after}"
