"""Questions to other packages, which live in an interpreter of their own: env PEERS_PYTHON."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def asking(tmp_path_factory):
    """A function: a script -> a function: the name of a question and its arrays -> its answer's."""
    folder = tmp_path_factory.mktemp("questions")

    def of_script(script):
        def ask(question, **arrays):
            given, answer = folder / "given.npz", folder / "answer.npz"
            np.savez(given, **arrays)
            command = [os.environ["PEERS_PYTHON"], Path(__file__).with_name(script)]
            subprocess.run([*command, question, given, answer], check=True)
            with np.load(answer) as found:
                return dict(found)

        return ask

    return of_script
