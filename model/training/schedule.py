"""What changes over a run: the fraction of nonzero weights and the learning rate, from the fraction of steps done."""

from math import sqrt


def density_at(done: float, target: float, *, first: float = 1.0, start: float = 0.01, stop: float = 0.5) -> float:
    """Fraction of weights kept when `done` of the run is over: `first` until `start`, linear to `target` at `stop`."""
    if done <= start:
        return first
    if done >= stop:
        return target
    return first + (target - first) * (done - start) / (stop - start)


def learning_rate_at(done: float, peak: float, density: float, target: float, *, warmup: float = 0.01) -> float:
    """Warm-up, then linear decay, times sqrt(L0_final / L0_now): sparser steps want larger rates (paper A.2)."""
    ramp = done / warmup if done < warmup else (1.0 - done) / (1.0 - warmup)
    return peak * max(ramp, 0.0) * sqrt(target / density)
