"""The language of templates: a restricted Jinja: text, variables, `if`, and `for` over the letter's own lists.

What is bounded by construction needs no watchdog: there are no calls, no arithmetic and no loops inside loops, lists have at
most `ROWS_MAX` rows, and what comes out is cut off at `OUTPUT_MAX`. So the worst template within the size limit takes a fraction
of a second. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NoReturn

from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from services.appeals.letters.variables import FILTERS, LOOP_FIELDS, VARIABLES, Money

Language = Literal["en", "fr"]
Values = Mapping[str, Any]

TEMPLATE_MAX: Final = 20_000
OUTPUT_MAX: Final = 60_000
ROWS_MAX: Final = 1_000
_DEPTH_MAX: Final = 16
_MISSING_MAX: Final = 50
_LOCALES: Final[Mapping[Language, str]] = {"en": "en_US", "fr": "fr_FR"}
_ALLOWED: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Filter, nodes.If, nodes.For, nodes.Test,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Const, nodes.CondExpr,
)  # fmt: skip


class Fault(Struct, frozen=True):
    """What is wrong with a template, and in which of its lines."""

    line: int
    problem: str


class MissingValues(Exception):  # noqa: N818 - the fact is the name
    """Variables that the template uses and that have no value here. `names` are ours, never a patient's data."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("missing values")
        self.names = names


class TooLong(Exception):  # noqa: N818 - the fact is the name
    """A text of more than `OUTPUT_MAX` characters."""


class _Missing(Exception):  # noqa: N818 - the fact is the name
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Strict(StrictUndefined):
    """A value that is not there, and says so by its name."""

    def _fail_with_undefined_error(self, *_: Any, **__: Any) -> NoReturn:
        raise _Missing(str(self._undefined_name))

    __str__ = __iter__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = __contains__ = _fail_with_undefined_error
    __lt__ = __le__ = __gt__ = __ge__ = _fail_with_undefined_error


def money(cents: int, language: Language) -> str:
    """Write cents as an amount of dollars, as the language writes amounts."""
    amount = format_decimal(Decimal(cents) / 100, "#,##0.00", locale=_LOCALES[language])
    return f"{amount}\N{NO-BREAK SPACE}$" if language == "fr" else f"${amount}".replace("$-", "-$")


def day(value: date, language: Language, style: str = "long") -> str:
    """Write a day: `long` in words, `short` in figures."""
    if style == "short":
        return format_date(value, {"en": "MM/dd/yyyy", "fr": "dd/MM/yyyy"}[language], locale=_LOCALES[language])
    written = format_date(value, "long", locale=_LOCALES[language])
    return f"1er{written[1:]}" if language == "fr" and value.day == 1 else written


def listed(values: Iterable[Any], language: Language) -> str:
    """Write several texts as one enumeration."""
    return format_list([str(each) for each in values], locale=_LOCALES[language])


def _shown(value: Any, language: Language) -> str:
    if isinstance(value, Money):
        return money(value, language)
    if isinstance(value, date):
        return day(value, language)
    if isinstance(value, tuple):
        return listed(value, language)
    return str(value)


@lru_cache(maxsize=2)
def _environment(language: Language) -> SandboxedEnvironment:
    made = SandboxedEnvironment(
        undefined=_Strict, trim_blocks=True, lstrip_blocks=True, autoescape=False, finalize=lambda value: _shown(value, language)
    )
    made.globals.clear()
    made.tests = {"defined": made.tests["defined"]}
    filters: dict[str, Callable[..., Any]] = {
        "date": lambda value, style="long": day(_known(value), language, style),
        "money": lambda value: money(_known(value), language),
        "upper": lambda value: _shown(_known(value), language).upper(),
        "listed": lambda value: listed(_known(value), language),
    }
    made.filters = {name: filters[name] for name in FILTERS}
    return made


def _known(value: Any) -> Any:
    if isinstance(value, _Strict):
        value._fail_with_undefined_error()  # noqa: SLF001 - our own class
    return value


@lru_cache(maxsize=512)
def _compiled(source: str, language: Language) -> Template:
    return _environment(language).from_string(source)


def faults(source: str) -> list[Fault]:
    """Return what keeps a text from being a template; empty: it is one. Nothing of it is carried out."""
    if len(source) > TEMPLATE_MAX:
        return [Fault(1, f"A template may have {TEMPLATE_MAX} characters at most.")]
    try:
        tree = _environment("en").parse(source)
        found = _faults_of(tree)
        if not found:
            _compiled(source, "en")
    except TemplateSyntaxError as error:
        return [Fault(error.lineno, "This is not understood: check the braces, the quotes and the words between them.")]
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
        return [Fault(1, "This is too deep or too large to be a template.")]
    return found


def _faults_of(tree: nodes.Template) -> list[Fault]:
    found: list[Fault] = []
    waiting: list[tuple[nodes.Node, int, Mapping[str, str]]] = [(tree, 0, {})]
    while waiting:
        node, depth, rows = waiting.pop()
        problem = "This is nested too deeply." if depth > _DEPTH_MAX else _problem_of(node, rows)
        if problem:
            found.append(Fault(node.lineno or 1, problem))
            continue
        if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name) and isinstance(node.iter, nodes.Name):
            inner = {**rows, node.target.name: node.iter.name}
            waiting += [(each, depth + 1, inner) for each in (*node.body, *node.else_)]
        elif not isinstance(node, nodes.Getattr):
            waiting += [(each, depth + 1, rows) for each in node.iter_child_nodes()]
    return sorted(found, key=lambda each: each.line)


def _problem_of(node: nodes.Node, rows: Mapping[str, str]) -> str | None:
    """Say what is wrong with one node. `rows` maps the names of rows in the loops around it to their lists."""
    if not isinstance(node, _ALLOWED):
        return "Only text, {{ variables }}, if and for are understood here: no calls, no arithmetic, no assignments."
    if isinstance(node, nodes.For):
        return _problem_of_loop(node, rows)
    if isinstance(node, nodes.Name):
        return _problem_of_name(node.name, rows)
    if isinstance(node, nodes.Getattr):
        return _problem_of_field(node, rows)
    if isinstance(node, nodes.Filter):
        return _problem_of_filter(node)
    return "The only test is `is defined`." if isinstance(node, nodes.Test) and node.name != "defined" else None


def _problem_of_name(name: str, rows: Mapping[str, str]) -> str | None:
    if name in rows or (name == "loop" and rows):
        return "A row is no text: name one of its fields, such as line.number."
    if name not in VARIABLES:
        return f"There is no variable {_quoted(name)}."
    return f"{_quoted(name)} is a list: use it with for." if VARIABLES[name].kind == "rows" else None


def _problem_of_loop(node: nodes.For, rows: Mapping[str, str]) -> str | None:
    if rows:
        return "A loop inside a loop is not allowed."
    if node.recursive or node.test is not None or not isinstance(node.target, nodes.Name):
        return "A loop is `for NAME in LIST`, and no more."
    if node.target.name in VARIABLES or node.target.name == "loop":
        return f"{_quoted(node.target.name)} has a meaning of its own: name the row otherwise."
    if not isinstance(node.iter, nodes.Name) or VARIABLES.get(node.iter.name, VARIABLES["letter_date"]).kind != "rows":
        return "A loop goes over lines, reasons or exhibits."
    return None


def _problem_of_field(node: nodes.Getattr, rows: Mapping[str, str]) -> str | None:
    if not isinstance(node.node, nodes.Name):
        return "Only the rows of a loop have fields."
    owner = node.node.name
    if owner == "loop" and rows:
        return None if node.attr in LOOP_FIELDS else "Of a loop there are first, last and index."
    if owner not in rows:
        return "Only the rows of a loop have fields."
    fields = VARIABLES[rows[owner]].fields
    return None if node.attr in fields else f"The rows of {rows[owner]} have no field {_quoted(node.attr)}: {', '.join(fields)}."


def _problem_of_filter(node: nodes.Filter) -> str | None:
    if node.name not in FILTERS:
        return f"There is no filter {_quoted(node.name)}: there are {', '.join(FILTERS)}."
    plain = all(isinstance(each, nodes.Const) and each.value in ("long", "short") for each in node.args)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > (node.name == "date") or not plain:
        return "Filters take no arguments, but date: 'long' or 'short'."
    told = node.node
    kinds = {"date": "date", "money": "money", "listed": "texts"}
    if isinstance(told, nodes.Name) and told.name in VARIABLES and node.name in kinds:
        kind = VARIABLES[told.name].kind
        return None if kind == kinds[node.name] else f"The filter {node.name} is not for {told.name}."
    return None


def _quoted(name: str) -> str:
    return f"`{name[:60]}`"


def fill(source: str, language: Language, values: Values) -> str:
    """Return the text of a template that has no faults.

    Errors: MissingValues with every variable that the text needs and that has no value; TooLong.
    """
    template = _compiled(source, language)
    known = dict(values)
    missing: list[str] = []
    while True:
        try:
            text = _written(template, known)
            break
        except _Missing as error:
            if error.name in known or len(missing) >= _MISSING_MAX:  # a field of a row: it has no place to be filled in
                raise MissingValues((*missing, error.name)) from None
            missing.append(error.name)
            known[error.name] = _stand_in(error.name)  # only to find what else is missing
    if missing:
        raise MissingValues(tuple(missing))
    return text


def _written(template: Template, values: Values) -> str:
    pieces: list[str] = []
    length = 0
    for piece in template.generate(values):
        pieces.append(piece)
        length += len(piece)
        if length > OUTPUT_MAX:
            raise TooLong
    return "".join(pieces)


def _stand_in(name: str) -> Any:
    return {"date": date(2000, 1, 1), "money": Money(0), "texts": ("",), "rows": (), "text": ""}[VARIABLES[name].kind]


_UNPRINTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ue000-\uf8ff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """Return a value as text without control, private or direction-turning characters; lines as they were."""
    return _UNPRINTED.sub("", text)
