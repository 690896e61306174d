"""Finding, checking and fetching dataset files; the server is a real one on the loopback."""

import functools
import gzip
import hashlib
import http.server
import os
import socket
import threading

import pytest

from ganlib.data import _downloads as downloads
from ganlib.data._downloads import DamagedFileError, File, Source

CONTENTS = {"first.gz": b"first " * 500, "second.gz": bytes(range(256)) * 40}
FILES = tuple(
    File(name, len(contents), hashlib.sha256(contents).hexdigest())
    for name, contents in CONTENTS.items()
)


def _write(folder, names=tuple(CONTENTS), level=9):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(gzip.compress(CONTENTS[name], level))
    return folder


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    """A folder, and the address under which it is served."""
    folder = _write(tmp_path / "served")
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def clean(tmp_path, monkeypatch):
    """No copy anywhere, no proxy in between, no apt-get."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    monkeypatch.setattr(downloads, "DISTRIBUTION_FOLDER", tmp_path / "distribution")


def _source(url="http://127.0.0.1:9/"):
    return Source(title="Toy data", folder="toy-data", url=url, package="dataset-toy")


@pytest.fixture
def cache(tmp_path):
    """Where `keras.utils.get_file(cache_subdir="datasets/toy-data")` would look."""
    return tmp_path / "keras" / "datasets" / "toy-data"


def test_download_stores_whole_files_in_the_keras_cache(server, cache, capsys):
    served, url = server
    folder, contents = downloads.obtain(_source(url), FILES)
    assert folder == cache
    assert contents == list(CONTENTS.values())
    assert sorted(os.listdir(cache)) == ["first.gz", "second.gz"]
    assert (cache / "first.gz").read_bytes() == (served / "first.gz").read_bytes()
    assert f"Downloading {url}first.gz" in capsys.readouterr().out


def test_second_time_nothing_is_downloaded(server, cache, capsys):
    _, url = server
    downloads.obtain(_source(url), FILES)
    capsys.readouterr()
    folder, _ = downloads.obtain(_source("http://127.0.0.1:9/"), FILES)
    assert folder == cache
    assert capsys.readouterr().out == ""


def _other(packed):
    return gzip.compress(b"something else")


def _longer(packed):
    return gzip.compress(gzip.decompress(packed) + b"!")


def _half(packed):
    return packed[: len(packed) // 2]


def _flipped(packed):
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 1]) + packed[middle + 1 :]


def _page(packed):
    return b"<html>Log in to this network</html>"


def _nothing(packed):
    return b""


DAMAGES = [_other, _longer, _half, _flipped, _page, _nothing]


@pytest.mark.parametrize("damage", DAMAGES)
def test_download_of_something_else_is_refused_and_leaves_nothing(server, cache, damage):
    served, url = server
    path = served / "first.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFileError, match=r"first\.gz"):
        downloads.download(_source(url), FILES)
    assert os.listdir(cache) == []
    with pytest.raises(FileNotFoundError, match=r"download: .*first\.gz"):
        downloads.obtain(_source(url), FILES)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_local_file_is_named_and_passed_over(tmp_path, monkeypatch, cache, damage):
    _write(cache)
    own = _write(tmp_path / "own")
    path = own / "second.gz"
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setenv("GANLIB_DATA", str(own))
    with pytest.warns(UserWarning, match=r"own/second\.gz .*passed over") as caught:
        folder, contents = downloads.obtain(_source(), FILES)
    assert len(caught) == 1
    assert folder == cache
    assert contents == list(CONTENTS.values())


def test_too_long_file_is_not_unpacked_to_its_end():
    # A gzip bomb: 100 MB of zeros in 100 kB. Only one byte past the pinned length is unpacked.
    packed = gzip.compress(bytes(100_000_000), 1)
    with pytest.raises(DamagedFileError, match="more than the expected 3,000 bytes"):
        downloads.unpack(packed, FILES[0], "bomb.gz")


def test_download_replaces_a_damaged_cache(server, cache):
    _, url = server
    _write(cache)
    (cache / "first.gz").write_bytes(b"")
    with pytest.warns(UserWarning, match="passed over"):
        folder, _ = downloads.obtain(_source(url), FILES)
    assert folder == cache
    assert gzip.decompress((cache / "first.gz").read_bytes()) == CONTENTS["first.gz"]


def test_damaged_local_file_is_named_when_nothing_else_helps(cache):
    _write(cache)
    (cache / "first.gz").write_bytes(b"junk")
    with (
        pytest.warns(UserWarning, match=r"first\.gz"),
        pytest.raises(FileNotFoundError, match="no sound one in"),
    ):
        downloads.obtain(_source(), FILES)


def test_same_contents_in_another_packing_are_accepted(cache):
    _write(cache, level=1)
    assert downloads.obtain(_source(), FILES)[0] == cache


def test_a_folder_with_some_of_the_files_does_not_count(tmp_path, monkeypatch, cache):
    own = _write(tmp_path / "own", names=["first.gz"])
    _write(cache)
    monkeypatch.setenv("GANLIB_DATA", str(own))
    assert downloads.obtain(_source(), FILES)[0] == cache
    assert downloads.obtain(_source(), FILES[:1])[0] == own


def test_own_folder_may_hold_the_files_or_a_subfolder(tmp_path, monkeypatch):
    own = _write(tmp_path / "own")
    monkeypatch.setenv("GANLIB_DATA", str(own))
    assert downloads.obtain(_source(), FILES)[0] == own
    parent = tmp_path / "parent"
    _write(parent / "toy-data")
    monkeypatch.setenv("GANLIB_DATA", str(parent))
    assert downloads.obtain(_source(), FILES)[0] == parent / "toy-data"


def test_without_keras_home_the_cache_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = downloads.keras_folder(_source())
    assert folder == tmp_path / ".keras" / "datasets" / "toy-data"


@pytest.mark.parametrize("home", ["gone", "file"])
def test_a_service_without_a_home_keeps_files_where_temporary_ones_lie(
    tmp_path, monkeypatch, server, home
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.setattr(downloads.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    folder, contents = downloads.obtain(_source(server[1]), FILES)
    assert folder == tmp_path / "temporary" / ".keras" / "datasets" / "toy-data"
    assert contents == list(CONTENTS.values())


def test_a_home_that_may_only_be_read_is_read(tmp_path, monkeypatch):
    folder = _write(tmp_path / ".keras" / "datasets" / "toy-data")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(downloads.os, "access", lambda path, mode: False)  # root may write anywhere
    monkeypatch.setattr(downloads.tempfile, "tempdir", str(tmp_path / "temporary"))
    assert downloads.obtain(_source(), FILES)[0] == folder


def test_tilde_in_the_variables_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", "~/keras")
    assert downloads.keras_folder(_source()) == tmp_path / "keras" / "datasets" / "toy-data"


def test_distribution_folder_is_used(tmp_path):
    folder = _write(tmp_path / "distribution" / "toy-data")
    assert downloads.obtain(_source(), FILES)[0] == folder


def test_without_network_the_error_names_three_ways(cache):
    with pytest.raises(FileNotFoundError) as caught:
        downloads.obtain(_source("http://127.0.0.1:9/"), FILES)  # nothing listens on port 9
    message = str(caught.value)
    assert "refused" in message
    for way in ("python -m ganlib.data", "apt-get install dataset-toy", "GANLIB_DATA", str(cache)):
        assert way in message


def test_missing_file_on_the_server_is_reported(server):
    served, url = server
    (served / "second.gz").unlink()
    with pytest.raises(FileNotFoundError, match="404"):
        downloads.obtain(_source(url), FILES)


def test_silent_server_is_given_up(monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        # Without a bound it would wait for ever; here the server breaks off after five minutes.
        watch = threading.Timer(300, silent.close)
        watch.daemon = True
        watch.start()
        with pytest.raises(FileNotFoundError, match="timed out"):
            downloads.obtain(_source(url), FILES)
        watch.cancel()


def test_answer_that_is_no_http_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer():
            connection, _ = odd.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"junk\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(FileNotFoundError, match="broke off"):
            downloads.obtain(_source(f"http://127.0.0.1:{odd.getsockname()[1]}/"), FILES)
        thread.join()


def test_cache_that_cannot_be_written_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError, match=r"download: .*file"):
        downloads.obtain(_source(), FILES)


def test_package_is_named_and_never_installed(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apt-get").write_text(f"#!/bin/sh\n: > {tmp_path}/called\n")
    (programs / "apt-get").chmod(0o755)
    with pytest.raises(downloads.MissingDataError, match="sudo apt-get install dataset-toy") as got:
        downloads.obtain(_source(), FILES)
    assert got.value.package == "dataset-toy"
    assert not (tmp_path / "called").exists()


def test_error_of_a_dataset_without_a_package_names_none():
    source = Source(title="Toy data", folder="toy-data", url="http://127.0.0.1:9/")
    with pytest.raises(downloads.MissingDataError) as caught:
        downloads.obtain(source, FILES)
    assert caught.value.package is None
    assert "apt-get" not in str(caught.value)
