package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Pictures as PNG, without loss. */
public final class Png {
  private Png() {}

  /** Returns {@code image} as the bytes of a PNG file. */
  public static byte[] encode(BufferedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // ImageIO would put a cache file into the temporary folder if it were given the plain stream.
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * Saves {@code image} atomically.
   *
   * @throws SfumatoException if the file cannot be written
   */
  public static void write(Path file, BufferedImage image) {
    byte[] png = encode(image);
    AtomicFile.write(file, png);
  }

  /**
   * Saves {@code image} atomically, with how it was made in a text chunk named {@code parameters},
   * where web interfaces look for it.
   *
   * @throws SfumatoException if the file cannot be written
   */
  public static void write(Path file, BufferedImage image, String parameters) {
    AtomicFile.write(file, PngText.encode(image, "parameters", parameters));
  }
}
