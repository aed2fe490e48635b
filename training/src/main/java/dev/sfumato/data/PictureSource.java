package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Optional;

/**
 * Encoded pictures, numbered from 0, in folders, archives or Parquet files. Safe to read from
 * several threads.
 */
interface PictureSource {

  /** Returns the name of the source in messages: a folder or a file. */
  String origin();

  /** Returns the number of pictures, at least 1. */
  int size();

  /** Returns the name of a picture in messages: a path, or a file and a row. */
  String name(int index);

  /**
   * Returns the bytes of a picture file, which need not be a picture.
   *
   * @throws SfumatoException if they cannot be read; the message begins with {@link #name}
   */
  byte[] read(int index);

  /**
   * Returns the first bytes of a picture file.
   *
   * @throws SfumatoException as {@link #read}
   */
  Beginning begin(int index);

  /**
   * Returns the bytes of the file with a picture's mask, if there is one.
   *
   * @throws SfumatoException as {@link #read}
   */
  default Optional<byte[]> mask(int index) {
    return Optional.empty();
  }

  /** Returns the classes and captions of the pictures; a missing caption is blank. */
  Annotations annotations();

  /** Returns the names of the columns that may hold captions. */
  List<String> columns();

  /** Returns the names of files that would be pictures if they could be read. */
  default List<String> leftOut() {
    return List.of();
  }

  /** Returns whether each picture is a file, which may have a caption or a mask beside it. */
  boolean ofFiles();
}
