package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.List;

/**
 * Files under one roof, a folder or an archive. Their names are paths from there, with slashes, in
 * order; names that lead out of it, and what is hidden, are left out. Safe to read from several
 * threads.
 */
interface PictureFiles {
  /** Returns what messages call the folder or archive. */
  String origin();

  /** Returns the names of the files, sorted. */
  List<String> names();

  /**
   * Returns the bytes of a file.
   *
   * @param name one of {@link #names}
   * @throws SfumatoException beginning with {@link #path} if it cannot be read or is too large
   */
  byte[] read(String name);

  /** Returns what messages call a file. */
  default String path(String name) {
    return origin() + "/" + name;
  }
}
