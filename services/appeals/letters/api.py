"""Letters' HTTP interface: the letterhead, templates, letters, packets."""

from typing import Final

from services.appeals.letters import letterhead_api, letters_api, packets_api, templates_api

ROUTERS: Final = (letterhead_api.router, templates_api.router, letters_api.router, packets_api.router)
