package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Pictures in the format that the ending of their file's name says: PNG or JPEG. */
public final class PictureFile {
  private static final float QUALITY = 0.95f;

  private PictureFile() {}

  /**
   * Saves {@code image} atomically: as PNG, without loss, or as JPEG of quality 95, where opacity
   * is laid on white.
   *
   * @param file whose name ends in {@code .png}, {@code .jpg} or {@code .jpeg}, in either case; or
   *     a device, which gets PNG
   * @throws SfumatoException if the name ends otherwise, or the file cannot be written
   */
  public static void write(Path file, BufferedImage image) {
    requireEnding(file);
    if (isJpeg(file)) {
      AtomicFile.write(file, jpeg(image));
    } else {
      Png.write(file, image);
    }
  }

  /**
   * Requires that {@link #write} knows the format.
   *
   * @throws SfumatoException if the name of {@code file} ends in anything else
   */
  public static void requireEnding(Path file) {
    boolean device = Files.exists(file) && !Files.isRegularFile(file);
    if (!device && !isJpeg(file) && !ending(file).equals("png")) {
      throw new SfumatoException(
          file + ": pictures are written as PNG or JPEG: end the name in .png, .jpg or .jpeg");
    }
  }

  /** Returns whether a file of this name is written as JPEG. */
  public static boolean isJpeg(Path file) {
    return ending(file).equals("jpg") || ending(file).equals("jpeg");
  }

  private static String ending(Path file) {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    return dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
  }

  private static byte[] jpeg(BufferedImage image) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam settings = writer.getDefaultWriteParam();
      settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      settings.setCompressionQuality(QUALITY);
      writer.setOutput(out);
      writer.write(null, new IIOImage(opaque(image), null, null), settings);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  private static BufferedImage opaque(BufferedImage image) {
    if (!image.getColorModel().hasAlpha()) {
      return image;
    }
    BufferedImage opaque =
        new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = opaque.createGraphics();
    canvas.drawImage(image, 0, 0, Color.WHITE, null);
    canvas.dispose();
    return opaque;
  }
}
