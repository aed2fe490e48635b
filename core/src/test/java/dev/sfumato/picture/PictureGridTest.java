package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureGridTest {
  /** Values whose level before rounding ends in .5: 0 -> 127.5, -0.4 -> 76.5, 0.4 -> 178.5. */
  private static final float[] HALVES = {0f, -0.4f, 0.4f, 0.8f};

  @Test
  void roundsHalvesToTheEvenNeighbour() {
    assertThat(levels(HALVES)).isEqualTo(new int[] {128, 76, 178, 230});
  }

  @Test
  void roundsAndClampsAsDiffusersDoes() {
    // numpy: ((x / 2 + 0.5).clip(0, 1) * 255).round().astype("uint8") in float32
    float[] values = {-2, -1, -0.9999f, -0.5f, -1 / 255f, 1 / 255f, 0.3f, 0.99607843f, 1, 7};
    assertThat(levels(values)).isEqualTo(new int[] {0, 0, 0, 64, 127, 128, 166, 254, 255, 255});
    assertThat(levels(Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY))
        .isEqualTo(new int[] {0, 255});
  }

  @Test
  void aValueThatIsNotANumberIsAnError() {
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () -> PictureGrid.ofRows(1).draw(new float[] {0, 0, 0, Float.NaN}, 2, 1, 1, 2));
    assertThat(e).hasMessageThat().contains("picture 2 holds values that are not numbers");
  }

  @Test
  void aFourthChannelIsOpacity() {
    BufferedImage image = PictureGrid.ofRows(1).draw(new float[] {1, -1, 1, 0}, 1, 4, 1, 1);
    assertThat(image.getRGB(0, 0)).isEqualTo(0x80ff00ff);
  }

  @Test
  void laysOutRowsWithBlackLines() {
    // Five pictures of one pixel in two rows: three columns, the sixth place empty.
    BufferedImage image = PictureGrid.ofRows(2).draw(new float[] {1, 1, 1, 1, 1}, 5, 1, 1, 1);
    assertThat(image.getWidth()).isEqualTo(3 * 3 + 2);
    assertThat(image.getHeight()).isEqualTo(2 * 3 + 2);
    for (int y = 0; y < 8; y++) {
      for (int x = 0; x < 11; x++) {
        boolean picture = x % 3 == 2 && y % 3 == 2 && x < 9 && !(x == 8 && y == 5);
        assertThat(image.getRaster().getSample(x, y, 0)).isEqualTo(picture ? 255 : 0);
      }
    }
  }

  @Test
  void keepsTheOrderOfPicturesChannelsAndPixels() {
    float[] values = new float[2 * 3 * 2 * 2];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / 12f - 1; // level i * 255 / 24
    }
    BufferedImage image = new PictureGrid(2, 1, 2).draw(values, 2, 3, 2, 2);
    assertThat(image.getWidth()).isEqualTo(6);
    assertThat(image.getHeight()).isEqualTo(11);
    // Second picture, bottom right pixel: values 15, 19, 23, enlarged to 2 x 2.
    int expected = 0xFF000000 | 159 << 16 | 202 << 8 | 244;
    assertThat(image.getRGB(3, 8)).isEqualTo(expected);
    assertThat(image.getRGB(4, 9)).isEqualTo(expected);
    assertThat(image.getRGB(5, 9)).isEqualTo(0xFF000000);
    assertThat(image.getRGB(2, 8)).isNotEqualTo(expected);
  }

  @Test
  void aSinglePictureHasNoLines() {
    BufferedImage image = PictureGrid.ofRows(1).draw(new float[] {1, -1}, 1, 1, 1, 2);
    assertThat(image.getWidth()).isEqualTo(2);
    assertThat(image.getHeight()).isEqualTo(1);
  }

  @Test
  void grayLevelsSurvivePng(@TempDir Path folder) throws IOException {
    float[] values = new float[256];
    for (int i = 0; i < 256; i++) {
      values[i] = i / 127.5f - 1;
    }
    Path file = folder.resolve("gray.png");
    Png.write(file, PictureGrid.ofRows(1).draw(values, 1, 1, 16, 16));
    BufferedImage read = ImageIO.read(file.toFile());
    assertThat(read.getRaster().getNumBands()).isEqualTo(1);
    for (int i = 0; i < 256; i++) {
      assertThat(read.getRaster().getSample(i % 16, i / 16, 0)).isEqualTo(i);
    }
  }

  @Test
  void refusesWhatItCannotDraw() {
    PictureGrid grid = PictureGrid.ofRows(2);
    assertThat(assertThrows(SfumatoException.class, () -> grid.draw(new float[8], 2, 2, 1, 2)))
        .hasMessageThat()
        .contains("(2, 2, 1, 2)");
    assertThat(assertThrows(SfumatoException.class, () -> grid.draw(new float[8], 2, 1, 2, 3)))
        .hasMessageThat()
        .contains("(2, 1, 2, 3) do not have 8 values");
    assertThrows(SfumatoException.class, () -> grid.draw(new float[0], 0, 1, 1, 1));
    assertThrows(SfumatoException.class, () -> PictureGrid.ofRows(0));
    assertThrows(
        SfumatoException.class,
        () -> grid.scaledBy(Integer.MAX_VALUE).draw(new float[4], 1, 1, 2, 2));
  }

  private static int[] levels(float... values) {
    BufferedImage image = PictureGrid.ofRows(1).draw(values, 1, 1, 1, values.length);
    return image.getRaster().getSamples(0, 0, values.length, 1, 0, (int[]) null);
  }
}
