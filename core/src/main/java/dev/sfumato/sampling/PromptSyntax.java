package dev.sfumato.sampling;

import java.util.Locale;

/** The ways to write weights into a prompt. */
public enum PromptSyntax {
  /** No weights: parentheses are text, as in diffusers. A prompt that is too long is cut. */
  NONE,
  /**
   * The syntax of the web interface by AUTOMATIC1111: {@code (more)}, {@code (much more:1.5)},
   * {@code [less]} and {@code BREAK}. Long prompts are read in parts.
   */
  A1111,
  /**
   * The syntax of the library compel: {@code more+}, {@code (much more)1.5}, {@code less-}, {@code
   * ("one", "two").and()} and {@code .blend(1, 0.5)}. Long prompts are read in parts.
   */
  COMPEL;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
