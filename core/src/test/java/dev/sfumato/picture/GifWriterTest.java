package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GifWriterTest {
  @TempDir Path folder;

  @Test
  void keepsFramesLevelsDelayAndLoop() throws IOException {
    Path file = folder.resolve("a.gif");
    new GifWriter(Duration.ofMillis(120), true)
        .write(file, List.of(gray(-1f, 0.3f), gray(0.3f, 1f), gray(0f, -0.7f)));
    try (ImageInputStream in = ImageIO.createImageInputStream(file.toFile())) {
      ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
      reader.setInput(in);
      assertThat(reader.getNumImages(true)).isEqualTo(3);
      assertThat(reader.read(0).getRGB(0, 0)).isEqualTo(0xFF000000);
      assertThat(reader.read(0).getRGB(1, 0)).isEqualTo(0xFFA6A6A6);
      assertThat(reader.read(1).getRGB(1, 0)).isEqualTo(0xFFFFFFFF);
      IIOMetadataNode root =
          (IIOMetadataNode) reader.getImageMetadata(1).getAsTree("javax_imageio_gif_image_1.0");
      IIOMetadataNode control =
          (IIOMetadataNode) root.getElementsByTagName("GraphicControlExtension").item(0);
      assertThat(control.getAttribute("delayTime")).isEqualTo("12");
      reader.dispose();
    }
    assertThat(occurrences(file, "NETSCAPE2.0")).isEqualTo(1);
  }

  @Test
  void playsOnceWithoutLoop() throws IOException {
    Path file = folder.resolve("a.gif");
    new GifWriter(Duration.ofMillis(120), false).write(file, List.of(gray(0, 1), gray(1, 0)));
    assertThat(occurrences(file, "NETSCAPE2.0")).isEqualTo(0);
  }

  @Test
  void keepsColoursThatFitThePalette() throws IOException {
    Path file = folder.resolve("a.gif");
    BufferedImage image =
        PictureGrid.ofRows(1).draw(new float[] {1, -1, -1, 1, -1, -1}, 1, 3, 1, 2);
    new GifWriter(Duration.ZERO, true).write(file, List.of(image));
    assertThat(ImageIO.read(file.toFile()).getRGB(0, 0)).isEqualTo(0xFFFF0000);
    assertThat(ImageIO.read(file.toFile()).getRGB(1, 0)).isEqualTo(0xFF00FF00);
  }

  @Test
  void refusesNoFramesAndFramesOfTwoSizesAndLeavesNothingBehind() throws IOException {
    Path file = folder.resolve("a.gif");
    GifWriter writer = new GifWriter(Duration.ofMillis(50), true);
    assertThrows(SfumatoException.class, () -> writer.write(file, List.of()));
    BufferedImage wide = PictureGrid.ofRows(1).scaledBy(2).draw(new float[] {0, 0}, 1, 1, 1, 2);
    SfumatoException thrown =
        assertThrows(SfumatoException.class, () -> writer.write(file, List.of(gray(0, 0), wide)));
    assertThat(thrown).hasMessageThat().contains("2 x 1 and 4 x 2");
    try (var files = Files.list(folder)) {
      assertThat(files.toList()).isEmpty();
    }
  }

  private static BufferedImage gray(float left, float right) {
    return PictureGrid.ofRows(1).draw(new float[] {left, right}, 1, 1, 1, 2);
  }

  private static int occurrences(Path file, String text) throws IOException {
    String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    return content.split(text, -1).length - 1;
  }
}
