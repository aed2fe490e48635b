package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

class PixelsTest {
  private static final JsonNode GOLDEN = PictureGolden.json();

  @Test
  void obeysEveryOrientation() {
    Pixels source = PictureGolden.pixels(GOLDEN.get("orientations").get("source"));
    int orientation = 1;
    for (JsonNode upright : GOLDEN.get("orientations").get("upright")) {
      Pixels expected = PictureGolden.pixels(upright);
      assertThat(PictureGolden.distance(source.upright(orientation++), expected)).isEqualTo(0);
    }
    assertThat(orientation).isEqualTo(9);
    assertThat(source.upright(0)).isSameInstanceAs(source);
  }

  @Test
  void weighsColoursAsPillow() {
    Pixels gray = PictureGolden.pixels(GOLDEN.get("sources").get("tall")).gray();
    assertThat(PictureGolden.distance(gray, PictureGolden.pixels(GOLDEN.get("gray")))).isEqualTo(0);
    assertThat(gray.rgb().gray().values()).isEqualTo(gray.values());
  }

  @Test
  void givesFloatsFromMinusOneToOne() {
    Pixels pixels = new Pixels(1, 1, 3, new byte[] {0, (byte) 128, (byte) 255});
    assertThat(pixels.signed()).isEqualTo(new float[] {-1, 0.003921628f, 1});
  }

  @Test
  void refusesSizesThatDoNotFit() {
    assertThrows(IllegalArgumentException.class, () -> new Pixels(3, 2, 2, new byte[11]));
  }
}
