"""The student's side of the fence. Nothing here knows a check, a key or an expected value.

`nursery` is run as a program and forks one process for each question; `worker` is what that process
does, `walls` is what keeps it in, `extract` says what of a notebook is run, and `frames` is the
language in which both sides speak.
"""
