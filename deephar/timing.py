"""Times of the pictures of a film."""

import fractions
import math


class Clock:
    """Counts the ticks at which pictures are shown, from the first one; every picture is later than the one before.

    Attributes:
        tick: seconds between two times at which a picture can be shown.
        ticks: when the last picture is shown; below 0 before the first one.

    Args:
        fps: pictures in a second, where no times are given.
        tick: seconds.
    """

    def __init__(self, fps: fractions.Fraction, tick: fractions.Fraction) -> None:
        self.tick: fractions.Fraction = tick
        self.ticks: int = -1
        self._lasts = 1 / fps
        self._shown = -self._lasts
        self._zero = math.nan

    def show(self, seconds: float = math.nan) -> int:
        """Show the next picture.

        Args:
            seconds: when, by any clock; NaN for 1 / fps after the last one.

        Returns:
            when, in ticks.
        """
        following = self._shown + self._lasts
        if math.isfinite(seconds):
            if math.isnan(self._zero):
                self._zero = seconds - float(following)
            following = fractions.Fraction(seconds - self._zero)
        self._shown = max(following, self._shown)
        self.ticks = max(round(self._shown / self.tick), self.ticks + 1)
        return self.ticks

    @property
    def end(self) -> float:
        """Seconds after which the last picture is gone."""
        return float(self.ticks * self.tick + self._lasts)
