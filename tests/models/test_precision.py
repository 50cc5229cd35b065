"""bfloat16 only where the processor has it."""

import pytest

from nucfuse.models.precision import chosen_precision

X86 = "processor\t: 0\nflags\t\t: fpu avx2 {}fma\n\nprocessor\t: 1\nflags\t\t: fpu\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16 sve\n"


@pytest.fixture
def cpuinfo(tmp_path):
    def write(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("avx512_bf16 "), "bfloat16"),
        (X86.format("amx_bf16 "), "bfloat16"),
        (X86.format(""), "float32"),
        (X86.format("avx512_bf16x "), "float32"),
        (ARM, "bfloat16"),
        ("", "float32"),
    ],
)
def test_auto_follows_the_processor(cpuinfo, text, expected):
    assert chosen_precision("auto", cpuinfo(text)) == expected


def test_auto_is_float32_where_nothing_says_what_the_processor_has(tmp_path):
    assert chosen_precision("auto", tmp_path / "absent") == "float32"


@pytest.mark.parametrize(("flag", "warns"), [("", True), ("avx512_bf16 ", False)])
def test_what_is_asked_for_is_done_and_warned_of_where_it_is_imitated(cpuinfo, caplog, flag, warns):
    path = cpuinfo(X86.format(flag))
    assert chosen_precision("bfloat16", path) == "bfloat16"
    assert ('set precision = "auto"' in caplog.text) == warns
    caplog.clear()
    assert chosen_precision("float32", path) == "float32"
    assert not caplog.messages
