"""Prevention: what is wrong with a claim before a payer says so. Rules are data and small pure functions, one module a family."""
