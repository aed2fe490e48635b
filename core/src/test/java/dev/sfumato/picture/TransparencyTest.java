package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

/** Alpha channels, against how pictures look on white. */
class TransparencyTest {
  @Test
  void alphaIsWhereThePictureIsLighter() {
    for (String name :
        new String[] {
          "alpha.png",
          "alpha-16-bit.png",
          "gray-alpha.png",
          "interlaced-alpha.png",
          "lossless-alpha.webp",
          "lossy-alpha.webp",
          "palette-transparent.png"
        }) {
      byte[] file = PictureGolden.file(name);
      Pixels onWhite = PictureReader.read(file, name);
      Pixels alpha = Transparency.of(file, name).orElseThrow();
      assertThat(alpha.channels()).isEqualTo(1);
      int transparent = 0;
      for (int y = 0; y < alpha.height(); y++) {
        for (int x = 0; x < alpha.width(); x++) {
          for (int channel = 0; channel < 3; channel++) { // at least the white behind it
            assertThat(onWhite.at(channel, y, x)).isAtLeast(255 - alpha.at(0, y, x) - 1);
          }
          transparent += alpha.at(0, y, x) < 255 ? 1 : 0;
        }
      }
      assertThat(transparent).isGreaterThan(0);
    }
  }

  @Test
  void otherFilesHaveNone() {
    for (String name : new String[] {"gray.png", "rgb-16-bit.png", "lossy.webp", "ycck.jpg"}) {
      assertThat(Transparency.of(PictureGolden.file(name), name)).isEmpty();
    }
  }
}
