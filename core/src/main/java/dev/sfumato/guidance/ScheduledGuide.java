package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * A guide with how strongly and when it acts.
 *
 * @param name what messages and traces call it
 * @param guide the guide
 * @param scale what its loss is multiplied by; below 0 it drives away
 * @param schedule how the scale changes from step to step
 * @param from the part of the run, 0 to 1, from which on the guide acts
 * @param until the part of the run, 0 to 1, before which it acts
 */
public record ScheduledGuide(
    String name, Guide guide, double scale, GuideSchedule schedule, double from, double until) {
  /**
   * @throws SfumatoException if a number is out of range
   */
  public ScheduledGuide {
    if (!Double.isFinite(scale)) {
      throw new SfumatoException("guide " + name + ": scale must be a number, not " + scale);
    }
    if (!(from >= 0 && from < until && until <= 1)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "guide %s: from %s and until %s must rise and lie between 0 and 1",
              name,
              from,
              until));
    }
  }

  /** A guide that acts evenly at every step. */
  public static ScheduledGuide of(String name, Guide guide, double scale) {
    return new ScheduledGuide(name, guide, scale, GuideSchedule.CONSTANT, 0, 1);
  }

  /** The same for another guide. */
  public ScheduledGuide withGuide(Guide guide) {
    return new ScheduledGuide(name, guide, scale, schedule, from, until);
  }

  /** Whether the guide acts at {@code step}: from &lt;= index / count &lt; until. */
  boolean actsAt(Step step) {
    double done = (double) step.index() / step.count();
    return from <= done && done < until;
  }

  /** What the loss counts at {@code step}. */
  double weight(Run run, Step step) {
    return scale * schedule.weight(run, step);
  }

  /**
   * The guide's loss, one element.
   *
   * @throws SfumatoException if it has several or no gradient
   */
  Tensor loss(Tensor predictedX0, Moment at) {
    Tensor loss = guide.loss(predictedX0, at);
    if (loss.numel() != 1) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "guide %s: the loss must be one number, not of shape %s: take its mean",
              name,
              Arrays.toString(loss.shape())));
    }
    if (!loss.requiresGrad()) {
      throw new SfumatoException(
          "guide "
              + name
              + ": the loss has no gradient: compute it from the predicted pictures with"
              + " operations of tensors");
    }
    return loss.reshape();
  }
}
