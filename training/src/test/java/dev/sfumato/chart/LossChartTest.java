package dev.sfumato.chart;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.chart.LossChart.Point;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.function.LongToDoubleFunction;
import java.util.stream.LongStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LossChartTest {
  private static final int MEAN = 0xFF1F5FA8;
  private static final int VALIDATION = 0xFFD9702B;

  @Test
  void drawsTheMeanFallingFromLeftToRight(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("loss.png");
    LossChart.write(file, points(500, step -> 1 - step / 1000.0), List.of());
    BufferedImage image = ImageIO.read(file.toFile());
    assertThat(topmost(image, MEAN, 200)).isLessThan(topmost(image, MEAN, 800));
    assertThat(count(image, VALIDATION)).isEqualTo(0);
  }

  @Test
  void aLargeRangeIsDrawnLogarithmically() {
    // On a logarithmic axis an exponential falls by the same height in each half; on a linear one
    // almost all of the fall is in the first.
    BufferedImage image = LossChart.draw(points(5000, step -> Math.exp(-step / 1000.0)), List.of());
    int fallBefore = topmost(image, MEAN, 500) - topmost(image, MEAN, 300);
    int fallAfter = topmost(image, MEAN, 900) - topmost(image, MEAN, 700);
    assertThat((double) fallAfter / fallBefore).isWithin(0.1).of(1);
  }

  /** Once, the labels of a logarithmic chart stood every five steps and ran into each other. */
  @Test
  void stepLabelsDoNotCrowd() {
    for (int steps : List.of(160, 2_345, 60_000)) {
      BufferedImage image =
          LossChart.draw(points(steps, step -> Math.exp(-4.0 * step / steps)), List.of());
      assertThat(labels(image)).isAtLeast(3);
      assertThat(labels(image)).isAtMost(14);
    }
  }

  /** Returns the number of words in the line of labels below the plot. */
  private static int labels(BufferedImage image) {
    int words = 0;
    int blank = 100;
    for (int x = 60; x < image.getWidth(); x++) {
      boolean ink = false;
      for (int y = 480; y < 493; y++) {
        ink |= (image.getRGB(x, y) & 0xFF) < 128;
      }
      words += ink && blank > 12 ? 1 : 0;
      blank = ink ? 0 : blank + 1;
    }
    return words;
  }

  @Test
  void drawsTheValidationLoss() {
    BufferedImage image =
        LossChart.draw(points(50, step -> 1), List.of(new Point(10, 0.5), new Point(50, 0.4)));
    assertThat(count(image, VALIDATION)).isGreaterThan(100);
  }

  @Test
  void aVeryLongRunKeepsItsOutliers() {
    BufferedImage calm = LossChart.draw(points(300_000, step -> 1), List.of());
    BufferedImage spike =
        LossChart.draw(points(300_000, step -> step == 123_457 ? 9 : 1), List.of());
    // The axis grows for the spike, so the mean's line sinks.
    assertThat(topmost(spike, MEAN, 800)).isGreaterThan(topmost(calm, MEAN, 800) + 100);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "1e30",
        "0 1e30",
        "-1e30 5",
        "1 1e-30",
        "-2 -2.00001",
        "0 1e-44",
        "NaN Infinity 1",
        "-1.7e308 1.7e308"
      })
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void oddLossesDoNotStopTheDrawing(String losses) {
    // Labels of one's own made the library search for ever for ticks at 1e20 and above.
    List<Point> points = new ArrayList<>();
    new Scanner(losses).tokens().forEach(t -> points.add(new Point(0, Double.parseDouble(t))));
    assertThat(LossChart.draw(points, points).getWidth()).isEqualTo(1000);
  }

  private static List<Point> points(int steps, LongToDoubleFunction loss) {
    return LongStream.rangeClosed(1, steps)
        .mapToObj(step -> new Point(step, loss.applyAsDouble(step)))
        .toList();
  }

  private static int topmost(BufferedImage image, int color, int x) {
    for (int y = 0; y < image.getHeight() - 60; y++) { // not the legend
      if (image.getRGB(x, y) == color) {
        return y;
      }
    }
    throw new AssertionError("no line at x = " + x);
  }

  private static int count(BufferedImage image, int color) {
    int count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += image.getRGB(x, y) == color ? 1 : 0;
      }
    }
    return count;
  }
}
