package dev.sfumato.tensor;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;

/** The arithmetic of convolutions, matrix products and attention; sums stay float32. */
public enum Precision {
  /** Single precision. */
  FP32(DType.FLOAT32),
  /** bfloat16: half the memory traffic, and faster on processors and cards that support it. */
  BF16(DType.BFLOAT16),
  /**
   * Half precision (IEEE 754), which ends at 65,504: for cards that have no fast bfloat16, such as
   * those of compute capability 7.5. Training scales its loss, since small gradients would become
   * 0. Guides do not, so their gradients go through no network in this precision.
   */
  FP16(DType.FLOAT16);

  private final DType type;

  Precision(DType type) {
    this.type = type;
  }

  /**
   * Reads {@code fp32}, {@code bf16} or {@code fp16}.
   *
   * @throws SfumatoException for another text
   */
  public static Precision parse(String text) {
    for (Precision precision : values()) {
      if (precision.name().equalsIgnoreCase(text)) {
        return precision;
      }
    }
    throw new SfumatoException("precision '" + text + "' is unknown: use fp32, bf16 or fp16");
  }

  /** Returns the type of the numbers. */
  public DType type() {
    return type;
  }

  /** Returns the precision for the networks of guides: never fp16, where gradients vanish. */
  public Precision ofGradients() {
    return this == FP16 ? FP32 : this;
  }

  /**
   * Requires that {@code device} computes in this precision.
   *
   * @throws InvalidOptionException for half precision on the CPU
   */
  public void requireOn(Device device) {
    if (this == FP16 && device.isCpu()) {
      throw new InvalidOptionException(
          "`precision` fp16 needs a card: the CPU computes many times faster in bf16 or fp32");
    }
  }
}
