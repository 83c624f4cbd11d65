"""The demonstration."""

from rich.console import Console

from deploy.local.layout import StackError
from deploy.local.stack import Stack


def run(_stack: Stack, _console: Console) -> bool:
    raise StackError("There is nothing to show yet.")
