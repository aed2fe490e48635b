package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * A guide with its strength and its time of action.
 *
 * @param name its name in messages and traces
 * @param guide the guide
 * @param weight how strongly and when
 */
public record ScheduledGuide(String name, Guide guide, GuideWeight weight) {
  /** Makes a guide that acts evenly at every step. */
  public static ScheduledGuide of(String name, Guide guide, double scale) {
    return new ScheduledGuide(name, guide, GuideWeight.of(scale));
  }

  /** Returns the same for another guide. */
  public ScheduledGuide withGuide(Guide guide) {
    return new ScheduledGuide(name, guide, weight);
  }

  /**
   * Returns the guide's loss, one element.
   *
   * @throws SfumatoException if it has several elements or no gradient
   */
  Tensor loss(Tensor predictedX0, Moment at) {
    Tensor loss = guide.loss(predictedX0, at);
    if (loss == null) {
      throw new SfumatoException("guide " + name + ": its loss is null: return one number");
    }
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
