package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.util.List;

/** Which files of a repository to bring. */
@FunctionalInterface
public interface FileChoice {
  /**
   * Chooses among all {@code files} of a repository, whose names have slashes.
   *
   * @throws Missing if one that is needed is not among them
   */
  List<String> among(List<String> files);

  /** A repository lacks a file, or the cache does. */
  final class Missing extends SfumatoException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file what is missing, as {@code unet/config.json}
     */
    public Missing(String file) {
      super(file);
    }
  }
}
