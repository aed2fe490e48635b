package dev.sfumato.data;

import dev.sfumato.SfumatoException;

/**
 * Encoded pictures, numbered from 0: what folders, archives and Parquet files have in common. Safe
 * to read from several threads.
 */
interface PictureSource {

  /** Returns what messages call all of it: a folder or a file. */
  String origin();

  /** Returns how many pictures there are, at least 1. */
  int size();

  /** Returns what messages call a picture: a path, or a file and a row. */
  String name(int index);

  /**
   * Returns the bytes of a picture file, which need not be a picture.
   *
   * @throws SfumatoException beginning with {@link #name} if they cannot be read
   */
  byte[] read(int index);

  /** Returns what is said about the pictures. */
  Annotations annotations();
}
