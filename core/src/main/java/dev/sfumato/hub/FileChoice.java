package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.nio.file.Path;
import java.util.List;

/** A choice of files of a repository to download. */
@FunctionalInterface
public interface FileChoice {
  /**
   * Chooses among all {@code files} of a repository, whose names have slashes.
   *
   * @throws Missing if a required file is not among them
   */
  List<String> among(List<String> files);

  /**
   * Checks the settings, the {@code .json} files, which are downloaded before all others.
   *
   * @param folder their folder
   * @throws SfumatoException if what they describe is not supported, so that no more is downloaded
   */
  default void requireSupported(Path folder) {}

  /** The failure that a repository or the cache lacks a file. */
  final class Missing extends SfumatoException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file the missing file, such as {@code unet/config.json}
     */
    public Missing(String file) {
      super(file);
    }
  }
}
