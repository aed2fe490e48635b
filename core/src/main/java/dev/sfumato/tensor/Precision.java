package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;

/** The arithmetic of convolutions, matrix products and attention; sums stay float32. */
public enum Precision {
  /** Single precision. */
  FP32,
  /** bfloat16: half the memory traffic, and faster on processors and cards that support it. */
  BF16;

  /**
   * Reads {@code fp32} or {@code bf16}.
   *
   * @throws SfumatoException for another text
   */
  public static Precision parse(String text) {
    for (Precision precision : values()) {
      if (precision.name().equalsIgnoreCase(text)) {
        return precision;
      }
    }
    throw new SfumatoException("precision '" + text + "' is unknown: use fp32 or bf16");
  }
}
