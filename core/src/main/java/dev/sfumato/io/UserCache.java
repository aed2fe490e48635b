package dev.sfumato.io;

import java.nio.file.Path;

/** Folders of files that can be made or downloaded again; they may be deleted at any time. */
public final class UserCache {
  private UserCache() {}

  /** Returns {@code $XDG_CACHE_HOME/sfumato/NAME}, by default in {@code ~/.cache}. */
  public static Path folder(String name) {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path caches =
        xdg == null || xdg.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    return caches.resolve("sfumato").resolve(name);
  }
}
