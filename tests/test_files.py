"""How files are written: by several processes at once, by processes that die, on full disks, at places that are no files."""

import os
import re
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tfrepr.analysis.paired_copies import read_images
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.files import append, make_folder, npz_bytes, replacing, user_path, write_atomically
from tfrepr.labels.build import read_table
from tfrepr.labels.waveforms import read_wav
from tfrepr.results.features import request_features
from tfrepr.runs import RunDirectory

ROOT = Path(__file__).resolve().parents[1]
SIZE = 1 << 18
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def child(code, *words, **options):
    """A Python process that runs `code` with our package."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n{textwrap.dedent(code)}"
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def test_readers_see_whole_files_while_several_processes_write(tmp_path):
    path = tmp_path / "figure.png"
    write_atomically(path, b"0" * SIZE)
    code = """
        from tfrepr.files import write_atomically
        for _ in range(30):
            write_atomically(Path(sys.argv[1]), sys.argv[2].encode() * int(sys.argv[3]))
    """
    writers = [child(code, path, letter, SIZE + number) for number, letter in enumerate("abc")]
    seen, reads = set(), 0
    while any(writer.poll() is None for writer in writers):
        content = path.read_bytes()
        assert content[:1] * len(content) == content, "two writers' bytes in one file"
        seen.add((content[:1], len(content)))
        reads += 1
    assert [writer.wait() for writer in writers] == [0, 0, 0], [writer.stderr.read() for writer in writers]
    assert seen <= {(b"0", SIZE), (b"a", SIZE), (b"b", SIZE + 1), (b"c", SIZE + 2)}
    assert reads > 30
    assert [entry.name for entry in tmp_path.iterdir()] == ["figure.png"]


@posix
def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    code = """
        from tfrepr.files import replacing
        with replacing(Path(sys.argv[1])) as temporary:
            temporary.write_bytes(b"half")
            print(temporary, flush=True)
            sys.stdin.read()
    """
    killed, living = (child(code, tmp_path / name, stdin=subprocess.PIPE) for name in ("killed.npz", "living.npz"))
    left, used = (Path(process.stdout.readline().strip()) for process in (killed, living))
    killed.kill()
    killed.wait()
    own = tmp_path / ".unfinished-notes.txt"
    own.write_text("of the user")
    assert left.exists()
    write_atomically(tmp_path / "other.json", b"{}")
    assert not left.exists()
    assert used.exists()
    assert own.exists()
    living.communicate("")
    assert living.returncode == 0
    assert (tmp_path / "living.npz").read_bytes() == b"half"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished-notes.txt", "living.npz", "other.json"]


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_users_own_permissions(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask


@posix
def test_links_pipes_and_devices_are_refused_and_not_waited_for(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    places = {"link": "a symbolic link", "dangling": "a symbolic link", "folder": "a folder", "pipe": "a named pipe",
              "socket": "a socket", "/dev/null": "a device"}
    before = sorted(path.name for path in tmp_path.iterdir())
    for name, kind in places.items():
        for use in (lambda path: write_atomically(path, b"new"), lambda path: append(path, "new")):
            with pytest.raises(UserError, match=re.escape(f"{tmp_path / name} is {kind}")):
                use(tmp_path / name)
    server.close()
    assert target.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@posix
def test_pipes_that_the_user_names_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "table.npy")
    (tmp_path / "link").symlink_to(tmp_path / "table.npy")
    for read in (lambda path: read_table(path, None), read_wav, read_images):
        for name in ("table.npy", "link", "/dev/zero"):
            with pytest.raises(UserError, match="is no regular file but a pipe or a device"):
                read(tmp_path / name)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.npz"
    write_atomically(path, b"old")
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):
        expected = pytest.raises(UserError, match="No space left") if isinstance(error, OSError) else \
            pytest.raises(KeyboardInterrupt)
        with expected, replacing(path) as temporary:
            assert temporary.suffix == ".npz"
            temporary.write_bytes(b"half")
            raise error
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.npz"]
    assert path.read_bytes() == b"old"


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "state.npz", []

    def watched(call):
        def watching(first, *rest):
            kind = "folder" if isinstance(first, int) and stat.S_ISDIR(os.fstat(first).st_mode) else "file"
            seen.append((call.__name__, kind, path.exists()))
            return call(first, *rest)
        return watching

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    write_atomically(path, b"x")
    assert seen[:2] == [("fsync", "file", False), ("replace", "file", False)]
    assert seen[2:] == ([("fsync", "folder", True)] if os.name == "posix" else [])


def test_names_may_be_as_long_as_the_system_allows(tmp_path):
    name = "n" * 251 + ".wav"
    write_atomically(tmp_path / name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"


@posix
def test_a_full_disk_is_one_message_and_no_second_traceback(tmp_path):
    code = """
        import resource, numpy as np
        from tfrepr.errors import UserError
        from tfrepr.files import append, npz_bytes, write_atomically
        folder = Path(sys.argv[1])
        append(folder / "history.csv", "x" * 4090 + "\\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        for use in (lambda: write_atomically(folder / "state.npz", npz_bytes({"weights": np.random.rand(9999)})),
                    lambda: append(folder / "history.csv", "1,0.05,2.3\\n")):
            try:
                use()
            except UserError as error:
                print(error)
    """
    process = child(code, tmp_path)
    output, errors = process.communicate()
    assert output.count("Cannot write") == 2
    assert errors == ""
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_equal_arrays_give_equal_files_that_numpy_reads(tmp_path):
    arrays = {"a": np.arange(12.0).reshape(3, 4).T, "text": np.array("scalar"), "an odd name 0.5": np.zeros(0, np.int8)}
    for compressed in (True, False):
        content = npz_bytes(arrays, compressed=compressed)
        assert content == npz_bytes(arrays, compressed=compressed)
        (tmp_path / "file.npz").write_bytes(content)
        with np.load(tmp_path / "file.npz", allow_pickle=False) as read:
            assert read.files == list(arrays)
            for name, array in arrays.items():
                assert read[name].dtype == array.dtype
                np.testing.assert_array_equal(read[name], array, strict=True)


@posix
def test_folders_in_a_run_that_are_links_are_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = RunDirectory.of(RunConfig(), tmp_path / "output")
    run.path.mkdir(parents=True)
    (run / "features").symlink_to(elsewhere)
    (run / "evaluation").mkdir()
    (run / "evaluation" / "digits").symlink_to(elsewhere)
    with pytest.raises(UserError, match="features is a symbolic link"):
        request_features([RunConfig()], tmp_path / "output")
    with pytest.raises(UserError, match="digits is a symbolic link"):
        run.folder("evaluation", "digits")
    (tmp_path / "chosen").symlink_to(elsewhere)
    assert make_folder(tmp_path / "chosen", "new") == tmp_path / "chosen" / "new", "the user's own link is followed"
    assert [path.name for path in elsewhere.iterdir()] == ["new"]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot make the folder"):
        make_folder(tmp_path / "file", "new")


def test_home_folders_in_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert user_path("~/results") == tmp_path / "results"
    assert user_path("a~b/~") == Path("a~b/~")
    with pytest.raises(UserError, match="'~nosuchuser/x' is not known"):
        user_path("~nosuchuser/x")
