package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartCommandTest {
  @TempDir private Path folder;

  @Test
  void drawsSteersTrainsAndReports() throws IOException {
    Path output = folder.resolve("tour");
    Calls.Result call = Calls.run("quickstart --output %s --seconds 1 --steps 5", output);
    call.succeeds();
    assertThat(call.out().strip()).endsWith("report.html");
    String report = Files.readString(output.resolve("report.html"));
    assertThat(report).contains("Draw me a digit");
    assertThat(report).contains("towards &quot;red hair&quot;");
    assertThat(report).contains("Fine-tune, stop, resume");
    assertThat(report.split("<img"))
        .hasLength(15); // digits, 4 rows of faces, a GIF, 4 rows of texts, 3 rows, the loss
    assertThat(report).contains("data:image/gif");
    assertThat(call.err())
        .containsMatch("(?s)1\\. Drawing.*2\\. Steering.*3\\. Drawing faces.*4\\. Fine.*next:");
    assertThat(Files.readString(output.resolve("training/README.md"))).contains("for 1 seconds");
    assertThat(ImageIO.read(output.resolve("digits.png").toFile())).isNotNull();
    assertSteered(ImageIO.read(output.resolve("faces.png").toFile()));
  }

  /** Green faces have more green than free ones; faces with red hair more red. */
  private static void assertSteered(BufferedImage faces) {
    int row = faces.getHeight() / 4;
    double[] free = meanColor(faces.getSubimage(0, 0, faces.getWidth(), row));
    double[] green = meanColor(faces.getSubimage(0, row, faces.getWidth(), row));
    double[] redHair = meanColor(faces.getSubimage(0, 2 * row, faces.getWidth(), row / 3));
    double[] freeHair = meanColor(faces.getSubimage(0, 0, faces.getWidth(), row / 3));
    assertThat(green[1] - green[0]).isGreaterThan(free[1] - free[0] + 10);
    assertThat(redHair[0] - redHair[1]).isGreaterThan(freeHair[0] - freeHair[1]);
  }

  /** Red, green and blue, 0 to 255. */
  private static double[] meanColor(BufferedImage image) {
    double[] mean = new double[3];
    int pixels = image.getWidth() * image.getHeight();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        Color color = new Color(image.getRGB(x, y));
        mean[0] += (double) color.getRed() / pixels;
        mean[1] += (double) color.getGreen() / pixels;
        mean[2] += (double) color.getBlue() / pixels;
      }
    }
    return mean;
  }
}
