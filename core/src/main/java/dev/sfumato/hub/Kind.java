package dev.sfumato.hub;

import java.util.Locale;

/** What a repository of the Hub holds. */
public enum Kind {
  MODEL(""),
  DATASET("datasets/");

  private final String prefix;

  Kind(String prefix) {
    this.prefix = prefix;
  }

  /** What stands before the repository's name in the addresses of its files. */
  String prefix() {
    return prefix;
  }

  /** The name of all such repositories: in the server's interface and in the cache's folders. */
  String plural() {
    return this + "s";
  }

  /** In words: {@code model} or {@code dataset}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
