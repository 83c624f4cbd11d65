"""The life of a tenant in one service: whether it is served."""
