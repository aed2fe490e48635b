package dev.sfumato.training;

import dev.sfumato.io.UserCache;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Supplier;

/**
 * The place that keeps encoded pictures and captions for the next epochs. It changes no loss.
 *
 * @param kind the kind of place
 * @param folder the folder on the disk, if it is there
 */
public record LatentCache(Kind kind, Path folder) {
  /** Nothing is kept. */
  public static final LatentCache NONE = new LatentCache(Kind.NONE, usualFolder());

  /** Java's heap, of which pictures and captions take half at most. */
  public static final LatentCache MEMORY = new LatentCache(Kind.MEMORY, usualFolder());

  /** Kinds of places. */
  public enum Kind {
    /** Nothing is kept. */
    NONE,
    /** Java's heap. */
    MEMORY,
    /** A folder, also for later runs with the same pictures and models. */
    DISK;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Keeps files in a folder. Each is named by what it was made of: the pixels of the picture or the
   * caption, the weights of the network, device and precision. So a changed picture or another
   * model is never mistaken, several runs may share a folder, and it may be deleted at any time.
   */
  public static LatentCache disk(Path folder) {
    return new LatentCache(Kind.DISK, folder);
  }

  /** Returns {@code $XDG_CACHE_HOME/sfumato/latents}, by default in {@code ~/.cache}. */
  public static Path usualFolder() {
    return UserCache.folder("latents");
  }

  /**
   * Returns a place for what a network makes.
   *
   * @param network a name that no other network has; asked for when it is needed
   */
  RowStore store(Supplier<String> network) {
    return switch (kind) {
      case NONE -> RowStore.NONE;
      case MEMORY -> new HeapRows();
      case DISK -> new DiskRows(() -> folder.resolve(network.get()));
    };
  }
}
