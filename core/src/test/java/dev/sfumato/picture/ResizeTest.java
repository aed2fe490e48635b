package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class ResizeTest {
  private static final JsonNode GOLDEN = PictureGolden.json();

  @Test
  void givesTheBytesOfTorchvision() {
    for (JsonNode golden : GOLDEN.get("resize")) {
      Pixels source =
          PictureGolden.pixels(GOLDEN.get("sources").get(golden.get("source").asText()));
      int size = golden.get("size").asInt();
      Pixels resized = Resize.smallerEdge(source, size);
      assertWithMessage("size %s", size)
          .that(PictureGolden.distance(resized, PictureGolden.pixels(golden.get("resized"))))
          .isEqualTo(0);
      Pixels cropped = resized.centerCrop(size, size);
      assertWithMessage("size %s, cropped", size)
          .that(PictureGolden.distance(cropped, PictureGolden.pixels(golden.get("cropped"))))
          .isEqualTo(0);
    }
  }

  @Test
  void refusesToMakeALongPictureHuge() {
    Pixels line = new Pixels(1, 5_000_000, 1, new byte[5_000_000]);
    String reason =
        "a picture of 1 x 5000000 pixels would become %d x %d, which is too large: cut it first";
    assertThat(assertThrows(SfumatoException.class, () -> Resize.smallerEdge(line, 512)))
        .hasMessageThat()
        .isEqualTo(String.format(Locale.ROOT, reason, 512, 2_560_000_000L));
    assertThat(assertThrows(SfumatoException.class, () -> Resize.to(line, 1 << 27, 32)))
        .hasMessageThat()
        .isEqualTo(String.format(Locale.ROOT, reason, 32, 1 << 27));
    assertThrows(SfumatoException.class, () -> Resize.nearest(line, 1 << 27, 32));
  }

  @Test
  void keepsAPictureOfThatSize() {
    Pixels source = PictureGolden.pixels(GOLDEN.get("sources").get("tall"));
    assertThat(Resize.smallerEdge(source, 47)).isSameInstanceAs(source);
  }
}
