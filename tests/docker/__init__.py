"""Images built and run by a real Docker engine; `make test-docker` finds or starts one."""
