package dev.sfumato.hub;

import java.util.Locale;

/** The kind of a Hub repository. */
public enum Kind {
  MODEL(""),
  DATASET("datasets/");

  private final String prefix;

  Kind(String prefix) {
    this.prefix = prefix;
  }

  /** Returns the prefix of the repository's name in the addresses of its files. */
  String prefix() {
    return prefix;
  }

  /** Returns the plural name for the server's interface and the cache's folders. */
  String plural() {
    return this + "s";
  }

  /** Returns {@code model} or {@code dataset}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
