package dev.sfumato.data;

import java.io.IOException;
import java.io.InputStream;

/**
 * The first bytes of a file, enough for most headers of pictures.
 *
 * @param length the length of the whole file in bytes
 * @param bytes at most {@link #MOST} of them
 */
record Beginning(long length, byte[] bytes) {
  static final int MOST = 1 << 15;

  static Beginning of(InputStream file, long length) throws IOException {
    return new Beginning(length, file.readNBytes(MOST));
  }

  /** Returns whether these are all bytes of the file. */
  boolean isWhole() {
    return bytes.length >= length;
  }
}
