package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.Condition;
import dev.sfumato.tensor.Device;
import java.util.Optional;

/**
 * All that conditions a batch of pictures: what they are asked to show, and for classifier-free
 * guidance what stands for asking nothing in particular.
 *
 * @param given what is asked for
 * @param missing no class, an empty or a negative text; absent if the model knows no such thing
 * @param guidance how far the predictions for the two are driven apart
 */
public record Conditioning(
    Condition given, Optional<Condition> missing, ClassifierFreeGuidance guidance) {
  /** Nothing is asked for. */
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

  /** A condition without classifier-free guidance. */
  public static Conditioning of(Condition given) {
    return new Conditioning(given, Optional.empty(), ClassifierFreeGuidance.NONE);
  }

  /** The same on {@code device}. */
  public Conditioning to(Device device) {
    return new Conditioning(given.to(device), missing.map(m -> m.to(device)), guidance);
  }

  /** The same for {@code count} pictures from {@code from} on. */
  Conditioning rows(long from, long count) {
    return new Conditioning(
        given.rows(from, count), missing.map(m -> m.rows(from, count)), guidance);
  }
}
