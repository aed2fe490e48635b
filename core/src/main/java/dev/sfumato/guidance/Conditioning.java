package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.Condition;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/**
 * The conditions of a batch of pictures: the wanted one and, for classifier-free guidance, the one
 * that asks for nothing in particular.
 *
 * @param given the wanted condition
 * @param missing no class, an empty or a negative text; absent if the model has no such condition
 * @param guidance the strength with which the two predictions are driven apart
 */
public record Conditioning(
    Condition given, Optional<Condition> missing, ClassifierFreeGuidance guidance) {
  /** No condition. */
  public static final Conditioning NONE = of(Condition.NONE);

  /**
   * @throws SfumatoException if classifier-free guidance lacks the missing condition
   */
  public Conditioning {
    if (guidance.isOn() && missing.isEmpty()) {
      throw new SfumatoException(
          "classifier-free guidance needs a model that also draws without a condition, such as one"
              + " trained with class dropout: leave its scale at 1");
    }
  }

  /** Makes a conditioning without classifier-free guidance. */
  public static Conditioning of(Condition given) {
    return new Conditioning(given, Optional.empty(), ClassifierFreeGuidance.NONE);
  }

  /** Returns the same with further input channels (1 or B, C, H, W) in both conditions. */
  public Conditioning withChannels(Tensor channels) {
    return new Conditioning(
        given.withChannels(channels), missing.map(m -> m.withChannels(channels)), guidance);
  }

  /** Returns the same on {@code device}. */
  public Conditioning to(Device device) {
    return new Conditioning(given.to(device), missing.map(m -> m.to(device)), guidance);
  }

  /** Returns the same for {@code count} pictures, starting at {@code from}. */
  Conditioning rows(long from, long count) {
    return new Conditioning(
        given.rows(from, count), missing.map(m -> m.rows(from, count)), guidance);
  }
}
