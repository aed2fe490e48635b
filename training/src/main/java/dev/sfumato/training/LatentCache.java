package dev.sfumato.training;

import java.util.Locale;

/** The place that keeps encoded pictures and captions for the next epochs. */
public enum LatentCache {
  /** Nothing is kept. */
  NONE,
  /** Java's heap, of which they take half at most. */
  MEMORY;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
