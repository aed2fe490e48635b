package dev.sfumato.data;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import javax.imageio.ImageIO;

/** Picture files of any size. */
public final class Drawn {
  private Drawn() {}

  /** Writes a PNG of {@code width x height} pixels; other seeds give other pictures. */
  public static Path picture(Path file, int width, int height, long seed) throws IOException {
    Random random = new Random(seed);
    return write(file, width, height, x -> random.nextInt(1 << 24));
  }

  /** Writes a PNG of columns, each of one gray from 0 to 255. */
  public static Path columns(Path file, int width, int height, IntUnaryOperator gray)
      throws IOException {
    return write(file, width, height, x -> gray.applyAsInt(x) * 0x10101);
  }

  private static Path write(Path file, int width, int height, IntUnaryOperator color)
      throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, color.applyAsInt(x));
      }
    }
    Files.createDirectories(file.getParent());
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  /** The same, with a caption beside it. */
  public static Path captioned(Path file, int width, int height, long seed) throws IOException {
    String name = file.getFileName().toString();
    String stem = name.substring(0, name.lastIndexOf('.'));
    Path picture = picture(file, width, height, seed);
    Files.writeString(file.resolveSibling(stem + ".txt"), "a picture " + stem);
    return picture;
  }
}
