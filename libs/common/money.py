"""Money is integer cents; this is the only place that shows it as dollars."""


def dollars(cents: int) -> str:
    """Write cents the way a person reads them: -1234567 -> "-12,345.67"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d}"
