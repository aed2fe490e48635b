package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import java.util.Locale;

/**
 * The strength of a guide and its time of action.
 *
 * @param scale the factor of its loss; below 0 it drives away
 * @param schedule the change of the scale from step to step
 * @param from the part of the run, 0 to 1, at which the guide starts
 * @param until the part of the run, 0 to 1, at which it ends
 * @param every 1 for each step, N for the first of each N
 */
public record GuideWeight(
    double scale, GuideSchedule schedule, double from, double until, int every) {
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
    if (every < 1) {
      throw new SfumatoException("every must be at least 1, not " + every);
    }
  }

  /** Returns the same scale at every step. */
  public static GuideWeight of(double scale) {
    return new GuideWeight(scale, GuideSchedule.CONSTANT, 0, 1, 1);
  }

  /**
   * Returns true if the guide acts at {@code step}: one of every N, from &lt;= index / count &lt;
   * until.
   */
  boolean actsAt(Step step) {
    double done = (double) step.index() / step.count();
    return from <= done && done < until && step.index() % every == 0;
  }

  /** Returns the weight of the loss at {@code step}. */
  double at(Run run, Step step) {
    return scale * schedule.weight(run, step);
  }
}
