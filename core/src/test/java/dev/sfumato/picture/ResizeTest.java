package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
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
  void keepsAPictureOfThatSize() {
    Pixels source = PictureGolden.pixels(GOLDEN.get("sources").get("tall"));
    assertThat(Resize.smallerEdge(source, 47)).isSameInstanceAs(source);
  }
}
