package dev.sfumato.evaluation;

import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/** Twenty of MNIST's test digits, two of each. */
final class Digits {
  private Digits() {}

  static Path folder() {
    try {
      return Path.of(Objects.requireNonNull(Digits.class.getResource("/digits")).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  static Dataset dataset() {
    return Datasets.openTestSplit(folder().toString(), DataOptions.defaults()).orElseThrow();
  }

  /** Returns the number of correct labels in {@code read}. */
  static int right(int[] read) {
    Dataset digits = dataset();
    return (int) IntStream.range(0, read.length).filter(i -> read[i] == digits.label(i)).count();
  }

  /** Writes them as PNG files into a subfolder per class. */
  static void writeTo(Path folder) throws IOException {
    Dataset digits = dataset();
    for (int i = 0; i < digits.size(); i++) {
      Path classFolder = Files.createDirectories(folder.resolve("" + digits.label(i)));
      ImageIO.write(image(digits, i), "png", classFolder.resolve(i + ".png").toFile());
    }
  }

  private static BufferedImage image(Dataset digits, int index) {
    BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 28; y++) {
      for (int x = 0; x < 28; x++) {
        image.setRGB(x, y, 0x010101 * digits.pixels(index).at(0, y, x));
      }
    }
    return image;
  }
}
