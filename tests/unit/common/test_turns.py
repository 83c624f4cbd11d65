"""A worker's job for all tenants: each has its turn, whatever befalls another."""

import pytest

from libs.common.errors import Transient
from libs.common.worker import take_turns


async def test_a_tenant_whose_work_cannot_be_done_holds_up_no_other() -> None:
    seen = []

    async def do(tenant_id: str) -> int:
        seen.append(tenant_id)
        if tenant_id == "shut":
            raise Transient("not_let_in")
        return 2

    assert await take_turns(["a", "b"], do) == 4
    with pytest.raises(Transient, match="not_let_in"):
        await take_turns(["shut", "open"], do)
    assert seen == ["a", "b", "shut", "open"]
