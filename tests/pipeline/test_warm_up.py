"""`nucfuse warm-up`; what it compiles takes minutes, so only some of it is run here."""

from commands import run

from nucfuse.pipeline import warm_up


def test_steps_are_listed_with_their_time(monkeypatch):
    steps = {
        "score": ("score truth uint16", "score masks lzw --missing skip"),
        "look": ("doctor truth",),
    }
    monkeypatch.setattr(warm_up, "COMMANDS", steps)
    result = run("warm-up")
    assert result.exit_code == 0
    titles = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert titles == ["score", "look", "all"]
    assert "functions compiled in" in result.stdout and result.stderr == ""


def test_what_cannot_run_is_said_and_the_rest_is_done(monkeypatch):
    steps = {"fuse": ("fuse truth uint16 --method nosuch --out x",), "look": ("doctor truth",)}
    monkeypatch.setattr(warm_up, "COMMANDS", steps)
    result = run("warm-up")
    assert result.exit_code == 1
    assert "left out: nucfuse: error: " in result.stderr and "nosuch" in result.stderr
    assert "look: " in result.stdout


def test_every_command_is_one_of_nucfuse():
    for line in (line for lines in warm_up.COMMANDS.values() for line in lines):
        assert run(*line.split(), "--help").exit_code == 0, line
