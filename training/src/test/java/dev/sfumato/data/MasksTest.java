package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Scope;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Masks of what counts in a loss. */
class MasksTest {
  private static final DataOptions OPTIONS = DataOptions.defaults().withResolution(16);

  @TempDir private Path folder;

  /** Writes a picture whose gray is 10 times the column, as a file with the same in its alpha. */
  private void ramp(String name, int width, int height, boolean inAlpha) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int gray = 10 * x * 24 / width;
        image.setRGB(x, y, inAlpha ? gray << 24 : 0xff000000 | gray * 0x10101);
      }
    }
    Files.createDirectories(folder.resolve(name).getParent());
    ImageIO.write(image, "png", folder.resolve(name).toFile());
  }

  private Dataset open(DataOptions options) {
    return Datasets.open(folder.toString(), options);
  }

  private String failure(Masks place) {
    return assertThrows(SfumatoException.class, () -> open(OPTIONS.withMasks(place))).getMessage();
  }

  @Test
  void masksBesidePicturesAreCroppedAndMirroredWithThem() throws IOException {
    ramp("a.png", 24, 16, false);
    ramp("a-masklabel.png", 24, 16, false);
    Dataset dataset = open(OPTIONS.withMasks(Masks.FILE));
    assertThat(dataset.size()).isEqualTo(1);
    Batches batches = new Batches(dataset, new BatchOptions(1, false, true, 4));
    for (int epoch = 0; epoch < 10; epoch++) {
      try (Scope scope = Scope.open();
          BatchStream stream = batches.epoch(epoch).from(0)) {
        Batch batch = stream.next();
        float[] red = batch.images().narrow(1, 0, 1).toFloats();
        float[] mask = batch.masks().orElseThrow().toFloats();
        assertThat(mask).hasLength(red.length);
        for (int i = 0; i < mask.length; i++) {
          assertThat(mask[i]).isWithin(1e-6f).of((red[i] + 1) / 2);
        }
      }
    }
  }

  @Test
  void aMaskMayHaveAnotherSizeButNotOtherProportions() throws IOException {
    ramp("a.png", 24, 16, false);
    ramp("a-masklabel.png", 48, 32, false);
    Pixels mask = open(OPTIONS.withMasks(Masks.FILE)).mask(0).orElseThrow();
    assertThat(mask.width()).isEqualTo(24);
    assertThat(mask.channels()).isEqualTo(1);
    ramp("a-masklabel.png", 32, 32, false);
    assertThat(failure(Masks.FILE))
        .contains("has 32 x 32 pixels, which are not the proportions of");
  }

  /** macOS and others write accents in two forms. */
  @Test
  void aMaskIsFoundHoweverAccentsAndItsEndingAreWritten() throws IOException {
    ramp("caf\u00e9.png", 24, 16, false);
    ramp("cafe\u0301-MaskLabel.PNG", 24, 16, false);
    Dataset dataset = open(OPTIONS.withMasks(Masks.FILE));
    assertThat(dataset.size()).isEqualTo(1);
    assertThat(dataset.mask(0)).isPresent();
  }

  @Test
  void whatIsTransparentDoesNotCount() throws IOException {
    ramp("a.png", 24, 16, true);
    Drawn.picture(folder.resolve("b.png"), 20, 20, 1); // counts whole
    Dataset dataset = open(OPTIONS.withMasks(Masks.ALPHA).withCenterCrop(true));
    Pixels mask = dataset.mask(0).orElseThrow();
    assertThat(mask.at(0, 3, 5)).isEqualTo(90); // four columns are cropped
    assertThat(dataset.mask(1)).isEmpty();
    Batches batches = new Batches(dataset, new BatchOptions(2, false, false, 0));
    try (Scope scope = Scope.open();
        BatchStream stream = batches.epoch(0).from(0)) {
      float[] masks = stream.next().masks().orElseThrow().toFloats();
      assertThat(masks[256]).isEqualTo(1);
      assertThat(masks[5]).isWithin(1e-6f).of(90 / 255f);
    }
  }

  @Test
  void missingMasksAreSaid() throws IOException {
    Drawn.picture(folder.resolve("a.png"), 20, 20, 1);
    assertThat(failure(Masks.FILE)).contains("no picture has a mask beside it");
    assertThat(failure(Masks.ALPHA)).contains("no picture has an alpha channel");
    assertThat(open(OPTIONS).hasMasks()).isFalse();
  }

  @Test
  void masksThatLeaveNothingAreSaid() throws IOException {
    Drawn.picture(folder.resolve("a.png"), 24, 16, 1);
    Drawn.columns(folder.resolve("a-masklabel.png"), 24, 16, x -> x < 2 ? 255 : 0);
    assertThat(open(OPTIONS.withMasks(Masks.FILE)).size()).isEqualTo(1);
    assertThat(
            assertThrows(
                SfumatoException.class,
                () -> open(OPTIONS.withMasks(Masks.FILE).withCenterCrop(true))))
        .hasMessageThat()
        .contains("all masks are black, so there is nothing to learn");
    Drawn.picture(folder.resolve("b.png"), 20, 20, 2); // counts whole
    List<String> told =
        LoggedMessages.of(() -> open(OPTIONS.withMasks(Masks.FILE).withCenterCrop(true)));
    assertThat(told).hasSize(2);
    assertThat(told.get(1)).contains("nothing is learned from pictures whose mask is black: 1 (");
    assertThat(told.get(1)).contains("a.png");
  }

  @Test
  void masksAreNeverPicturesToTrainOn() throws IOException {
    Drawn.picture(folder.resolve("x/a.png"), 20, 20, 1);
    Drawn.picture(folder.resolve("x/a-masklabel.png"), 20, 20, 2);
    Drawn.picture(folder.resolve("x/b-masklabel.png"), 20, 20, 3); // of no picture
    assertThat(open(OPTIONS).size()).isEqualTo(2);
  }
}
