package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import java.util.Locale;

/**
 * How strongly and when a guide acts.
 *
 * @param scale what its loss is multiplied by; below 0 it drives away
 * @param schedule how the scale changes from step to step
 * @param from the part of the run, 0 to 1, from which on the guide acts
 * @param until the part of the run, 0 to 1, before which it acts
 */
public record GuideWeight(double scale, GuideSchedule schedule, double from, double until) {
  /**
   * @throws SfumatoException if a number is out of range
   */
  public GuideWeight {
    if (!Double.isFinite(scale)) {
      throw new SfumatoException("scale must be a number, not " + scale);
    }
    if (!(from >= 0 && from < until && until <= 1)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT, "from %s and until %s must rise and lie between 0 and 1", from, until));
    }
  }

  /** The same scale at every step. */
  public static GuideWeight of(double scale) {
    return new GuideWeight(scale, GuideSchedule.CONSTANT, 0, 1);
  }

  /** Whether the guide acts at {@code step}: from &lt;= index / count &lt; until. */
  boolean actsAt(Step step) {
    double done = (double) step.index() / step.count();
    return from <= done && done < until;
  }

  /** What the loss counts at {@code step}. */
  double at(Run run, Step step) {
    return scale * schedule.weight(run, step);
  }
}
