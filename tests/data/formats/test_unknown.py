"""What is in no known format is called by its name, with what to do."""

import pytest
from commands import run

from nucfuse.data.formats.unknown import found_there


@pytest.mark.parametrize(
    ("name", "content", "kind", "remedy"),
    [
        ("report.docx", b"PK\3\4", "documents", "name the masks themselves"),
        ("noname", b"%PDF-1.7", "a file without an ending: documents", "name the masks"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "photographs", "the folder of their masks"),
        ("scan.svs", b"II*\0", "microscope", "export the masks as TIFF"),
        ("truth.mat", b"MATLAB 5.0", "MATLAB", "scipy.io.loadmat"),
        ("cells.geojson", b"{}", "QuPath", "export label images"),
        ("a.xyz", b"hello", "a file .xyz", "one nucleus an id"),
    ],
)
def test_files(tmp_path, name, content, kind, remedy):
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path / name, tmp_path):
        result = run("doctor", path)
        assert result.exit_code == 3
        assert "not in a format that nucfuse reads. Found " in result.stderr
        if path != tmp_path or name not in ("noname", "a.xyz"):
            assert kind in result.stderr
            assert remedy in result.stderr


def test_a_folder_of_photographs(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "notes.txt").write_text("a")
    found, remedy = found_there(tmp_path)
    assert found == "3 .jpg, 1 .txt: photographs (JPEG)"
    assert remedy.startswith("name the folder of their masks")


def test_the_folder_around_folders_of_label_images(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "set" / name).mkdir(parents=True)
    (tmp_path / "set" / "labels" / "a.png").write_bytes(b"")
    (tmp_path / "set" / "readme.md").write_text("a")
    found, remedy = found_there(tmp_path / "set")
    assert found == "1 .md, 2 folders (images, labels)"
    assert remedy == f"name one folder of label images, such as {tmp_path / 'set' / 'labels'}"
