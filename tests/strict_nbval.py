"""A pytest plugin that closes a gap of nbval: a cell may fail without an error message.

IPython reports an unknown magic on standard error only, and stops the cell there. nbval looks for
error messages, finds none, and passes the cell. The kernel's reply says that the cell failed:
this plugin reads it. So one run serves where a second one by papermill would be needed.
"""

import pytest
from nbval.plugin import IPyNbCell, NbCellError


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fails a notebook's cell if the kernel replies that the cell failed."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    item.output_timeout = 600  # seconds; nbval's own 5 are too few on a busy machine
    kernel = item.parent.kernel
    receive = kernel.get_message
    failures = []

    def receive_and_note(stream, timeout=None):
        message = receive(stream, timeout=timeout)
        if message["msg_type"] == "execute_reply" and message["content"]["status"] == "error":
            failures.append(message["content"])
        return message

    kernel.get_message = receive_and_note
    try:
        result = yield
    finally:
        kernel.get_message = receive
    if failures and not item.options["check_exception"]:
        message = f"Cell failed without a message: {failures[0]['ename']}: {failures[0]['evalue']}"
        raise NbCellError(item.cell_num, message, item.cell.source)
    return result
