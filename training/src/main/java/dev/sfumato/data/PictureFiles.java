package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.List;

/**
 * The files of a folder or an archive. Their names are relative paths with slashes, sorted; hidden
 * files and names that lead outside are left out. Safe to read from several threads.
 */
interface PictureFiles {
  /** Returns the name of the folder or archive in messages. */
  String origin();

  /** Returns the names of the files, sorted. */
  List<String> names();

  /** Returns the names of links to files that do not exist, sorted. */
  default List<String> danglingLinks() {
    return List.of();
  }

  /**
   * Returns the bytes of a file.
   *
   * @param name one of {@link #names}
   * @throws SfumatoException if it cannot be read or is too large; the message begins with {@link
   *     #path}
   */
  byte[] read(String name);

  /**
   * Returns the first bytes of a file.
   *
   * @throws SfumatoException as {@link #read}
   */
  Beginning begin(String name);

  /** Returns the name of a file in messages. */
  default String path(String name) {
    return origin() + "/" + name;
  }
}
