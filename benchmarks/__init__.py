"""What `make bench` measures: ganlib beside what a reader could take instead.

`tools/bench.py` is the command. Each part (`search`, `throughput`, `limit`, `metrics`, `growth`,
`folder`, `quality`, `colour`) is a module with a function ``run(bench)`` for the process that plans
and keeps, and a function ``serve(arguments, channel)`` for the processes that work. `results` keeps
what they measure, and `figures` and `tables` show it.
"""
