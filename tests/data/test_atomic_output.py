"""Outputs appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from nucfuse.data.atomic_output import atomic_file, atomic_folder
from nucfuse.errors import DataError


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


class TestFile:
    def test_appears_only_at_the_end(self, tmp_path):
        target = tmp_path / "out.csv"
        with atomic_file(target) as part:
            part.write_text("new")
            assert part.parent == tmp_path
            assert part.suffix == ".csv"
            assert not target.exists()
        assert target.read_text() == "new"
        assert names(tmp_path) == ["out.csv"]

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_failure_keeps_the_old_file_and_leaves_nothing(self, tmp_path, failure):
        target = tmp_path / "out.csv"
        target.write_text("old")
        with pytest.raises(failure), atomic_file(target) as part:
            part.write_text("half")
            raise failure
        assert target.read_text() == "old"
        assert names(tmp_path) == ["out.csv"]

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EDQUOT, "quota"),
            (errno.EROFS, "read-only"),
            (errno.EACCES, "no permission"),
            (errno.EIO, os.strerror(errno.EIO)),
        ],
    )
    def test_operating_system_errors_become_data_errors(self, tmp_path, code, words):
        target = tmp_path / "out.csv"
        with pytest.raises(DataError, match=words) as caught, atomic_file(target):
            raise OSError(code, os.strerror(code))
        assert str(target) in str(caught.value)
        assert names(tmp_path) == []

    def test_disk_full_at_the_rename(self, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(DataError, match="disk is full"), atomic_file(tmp_path / "a") as part:
            part.write_text("x")
        assert names(tmp_path) == []

    def test_read_only_folder(self, tmp_path, monkeypatch):
        def refuse(*_):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", refuse)  # the suite may run as root, who may do anything
        with pytest.raises(DataError, match="no permission"), atomic_file(tmp_path / "a"):
            pass
        monkeypatch.undo()
        assert names(tmp_path) == []

    def test_write_protected_file_is_kept(self, tmp_path, monkeypatch):
        target = tmp_path / "out.csv"
        target.write_text("old")
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(DataError, match="write-protected"), atomic_file(target):
            pass
        assert target.read_text() == "old"

    def test_missing_folders_are_made_and_taken_back(self, tmp_path):
        with pytest.raises(DataError, match="bad"), atomic_file(tmp_path / "x" / "y" / "a"):
            raise DataError("bad input")
        assert list(tmp_path.iterdir()) == []
        with atomic_file(tmp_path / "x" / "y" / "a") as part:
            part.write_text("new")
        assert (tmp_path / "x" / "y" / "a").read_text() == "new"

    def test_folder_in_its_place(self, tmp_path):
        with pytest.raises(DataError, match="folder of that name"), atomic_file(tmp_path):
            pass

    def test_device_is_not_replaced(self):
        with pytest.raises(DataError, match="no regular file"), atomic_file(Path("/dev/null")):
            pass
        assert not Path("/dev/null").is_file()

    def test_link_stays_a_link(self, tmp_path):
        (tmp_path / "real").mkdir()
        link = tmp_path / "link.txt"
        link.symlink_to(tmp_path / "real" / "file.txt")
        with atomic_file(link) as part:
            part.write_text("x")
        assert link.is_symlink()
        assert (tmp_path / "real" / "file.txt").read_text() == "x"

    def test_permissions_follow_the_umask(self, tmp_path):
        before = os.umask(0o027)
        try:
            with atomic_file(tmp_path / "a"):
                pass
        finally:
            os.umask(before)
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


class TestFolder:
    def test_appears_only_at_the_end(self, tmp_path):
        target = tmp_path / "out"
        with atomic_folder(target) as part:
            (part / "a.txt").write_text("a")
            assert not target.exists()
        assert names(tmp_path) == ["out", "out/a.txt"]

    def test_merges_into_a_folder_that_is_there(self, tmp_path):
        target = tmp_path / "out"
        (target / "sub").mkdir(parents=True)
        for name in ("keep.txt", "a.txt", "sub/keep.txt"):
            (target / name).write_text("old")
        with atomic_folder(target) as part:
            (part / "a.txt").write_text("new")
            (part / "sub" / "deep").mkdir(parents=True)
            (part / "sub" / "deep" / "b.txt").write_text("new")
            assert (target / "a.txt").read_text() == "old"
        assert (target / "a.txt").read_text() == "new"
        assert (target / "keep.txt").read_text() == "old"
        assert names(target) == [
            "a.txt", "keep.txt", "sub", "sub/deep", "sub/deep/b.txt", "sub/keep.txt",
        ]  # fmt: skip

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
    @pytest.mark.parametrize("exists", [False, True])
    def test_failure_changes_nothing(self, tmp_path, failure, exists):
        target = tmp_path / "out"
        if exists:
            target.mkdir()
            (target / "a.txt").write_text("old")
        before = names(tmp_path)
        with pytest.raises(failure), atomic_folder(target) as part:
            (part / "a.txt").write_text("half")
            raise failure
        assert names(tmp_path) == before
        assert not exists or (target / "a.txt").read_text() == "old"

    def test_disk_full(self, tmp_path):
        with (
            pytest.raises(DataError, match="disk is full"),
            atomic_folder(tmp_path / "out") as part,
        ):
            (part / "a.txt").write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert names(tmp_path) == []

    def test_read_only(self, tmp_path, monkeypatch):
        def refuse(*_, **__):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(DataError, match="read-only"), atomic_folder(tmp_path / "out"):
            pass

    def test_file_in_its_place(self, tmp_path):
        (tmp_path / "out").write_text("")
        with pytest.raises(DataError, match="file of that name"), atomic_folder(tmp_path / "out"):
            pass

    def test_missing_parents_are_made_and_taken_back(self, tmp_path):
        with pytest.raises(DataError, match="bad"), atomic_folder(tmp_path / "x" / "y" / "out"):
            raise DataError("bad input")
        assert list(tmp_path.iterdir()) == []
        with atomic_folder(tmp_path / "x" / "y" / "out") as part:
            (part / "a").write_text("new")
        assert (tmp_path / "x" / "y" / "out" / "a").read_text() == "new"

    def test_conflict_is_found_before_anything_moves(self, tmp_path):
        (tmp_path / "b.txt").mkdir()
        with (
            pytest.raises(DataError, match=r"b\.txt.*folder of that name"),
            atomic_folder(tmp_path) as part,
        ):
            (part / "a.txt").write_text("new")
            (part / "b.txt").write_text("new")
        assert names(tmp_path) == ["b.txt"]
