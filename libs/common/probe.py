"""A container asks its own process whether it is ready: `python -m libs.common.probe`; exit status 0 is a yes.

An API answers on RECOURS_PORT. Where nobody listens there it is a worker, and answers on RECOURS_HEALTH_PORT.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

_SECONDS = 4


def ready(*ports: int) -> bool:
    """Ask `/readyz` on this machine, of the first port where anybody listens; whatever is no good answer is a no."""
    for port in ports:
        connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200  # noqa: PLR2004
        except ConnectionRefusedError:
            continue
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
    return False


if __name__ == "__main__":
    sys.exit(not ready(int(os.environ["RECOURS_PORT"]), int(os.environ["RECOURS_HEALTH_PORT"])))
