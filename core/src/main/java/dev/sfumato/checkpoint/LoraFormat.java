package dev.sfumato.checkpoint;

import java.util.Locale;

/** The spelling of the names in a LoRA file that is written. */
public enum LoraFormat {
  /**
   * That of diffusers and PEFT, with rank and alpha in the header, so that {@code
   * load_lora_weights} reads every layer with the right scale.
   */
  DIFFUSERS,
  /** That of kohya's scripts, which the common web interfaces read. */
  KOHYA;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
