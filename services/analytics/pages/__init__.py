"""The dashboard: pages made on the server, which read without scripts, print, and ask no foreign host for anything.

`api` is the edge; `reading` asks the sums and `neighbours` the other services; everything else is pure.
"""
