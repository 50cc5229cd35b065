import pytest

from nucfuse.models.training.schedule import learning_rate
from nucfuse.models.unet.config import UNetTraining


def test_rates_rise_then_fall():
    cosine = UNetTraining(rate=1.0, warmup=0.1)
    rates = [learning_rate(cosine, k / 100) for k in range(101)]
    assert rates[0] == 0
    assert max(rates) == rates[10] == 1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0, abs=1e-12)
    plateau = UNetTraining(rate=1.0, warmup=0.0, schedule="plateau")
    assert learning_rate(plateau, 0.9, reductions=2) == pytest.approx(0.01)
    assert learning_rate(UNetTraining(rate=2.0, schedule="constant"), 0.9) == 2
