package dev.sfumato.picture;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The kinds of picture file that are read, told by their first bytes and not by their names. */
public enum PictureFormat {
  JPEG("\u00ff\u00d8\u00ff", 0),
  PNG("\u0089PNG\r\n\u001a\n", 0),
  GIF("GIF8", 0),
  BMP("BM", 0),
  WEBP("WEBP", 8);

  private static final Set<String> EXTENSIONS =
      Set.of("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "webp");

  private final byte[] signature;
  private final int offset;

  PictureFormat(String signature, int offset) {
    this.signature = signature.getBytes(StandardCharsets.ISO_8859_1);
    this.offset = offset;
  }

  /** Returns the format that a file's bytes begin with. */
  static Optional<PictureFormat> of(byte[] file) {
    for (PictureFormat format : values()) {
      if (format.begins(file)) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }

  /** Returns whether a file of this name is meant to be a picture; case does not matter. */
  public static boolean named(String fileName) {
    int dot = fileName.lastIndexOf('.');
    return EXTENSIONS.contains(fileName.substring(dot + 1).toLowerCase(Locale.ROOT));
  }

  private boolean begins(byte[] file) {
    if (file.length < offset + signature.length) {
      return false;
    }
    for (int i = 0; i < signature.length; i++) {
      if (file[offset + i] != signature[i]) {
        return false;
      }
    }
    return true;
  }
}
