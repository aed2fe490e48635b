package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;

/** The path of the gradient of a guide's loss to the noisy picture. */
public enum GradientMode {
  /**
   * After the network, whose output counts as constant: d predictedX0 / dx is 1 /
   * sqrt(alphaCumprod) for a network that predicts noise. It costs no more time and memory than
   * sampling without guidance, apart from the guides themselves.
   */
  SHORTCUT,
  /**
   * Through the network: the true derivative. It takes two to three times the time of a step, and
   * the memory of a training step at the batch size of sampling. With several slices the network
   * runs forward once more and needs the memory of one slice.
   */
  EXACT;

  /**
   * Reads {@code shortcut} or {@code exact}.
   *
   * @throws SfumatoException for another text
   */
  public static GradientMode parse(String text) {
    return switch (text) {
      case "shortcut" -> SHORTCUT;
      case "exact" -> EXACT;
      default ->
          throw new SfumatoException("gradient '" + text + "' is unknown: use shortcut or exact");
    };
  }
}
