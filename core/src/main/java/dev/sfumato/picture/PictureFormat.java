package dev.sfumato.picture;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The supported formats of picture files, recognised by their first bytes, not by their names. */
public enum PictureFormat {
  JPEG("\u00ff\u00d8\u00ff", 0),
  PNG("\u0089PNG\r\n\u001a\n", 0),
  GIF("GIF8", 0),
  BMP("BM", 0),
  WEBP("WEBP", 8);

  private static final Set<String> EXTENSIONS =
      Set.of("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "webp");

  private static final Set<String> OTHERS =
      Set.of(
          "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2", "psd", "tga", "svg", "ppm", "pgm",
          "pnm", "exr", "dng", "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2");

  private final byte[] signature;
  private final int offset;

  PictureFormat(String signature, int offset) {
    this.signature = signature.getBytes(StandardCharsets.ISO_8859_1);
    this.offset = offset;
  }

  /** Returns the format that a file's first bytes indicate. */
  static Optional<PictureFormat> of(byte[] file) {
    for (PictureFormat format : values()) {
      if (format.begins(file)) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }

  /** Returns true if a file of this name is meant to be a picture; case does not matter. */
  public static boolean named(String fileName) {
    return EXTENSIONS.contains(extension(fileName));
  }

  /** Returns true if a file of this name is meant to be a picture of a format that is not read. */
  public static boolean unsupported(String fileName) {
    return OTHERS.contains(extension(fileName));
  }

  private static String extension(String fileName) {
    return fileName.substring(fileName.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
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
