package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ImagePreprocessingTest {
  private static final Golden GOLDEN = Golden.read("clip/pictures");
  private static final Pixels PICTURE = PictureReader.read(Golden.path("clip/picture.png"));

  @Test
  void preparesAsOpenClip() {
    for (JsonNode golden : GOLDEN.document().get("cases")) {
      String name = golden.get("name").asText();
      if (name.startsWith("open_clip")) {
        ImagePreprocessing preprocessing =
            ImagePreprocessing.openClip(node(golden.get("settings")), golden.get("size").asInt());
        assertIsWithin(1e-6, preprocessing, name);
      }
    }
  }

  /** Its default resizes with another rounding than Pillow: a pixel may be one of 255 off. */
  @Test
  void preparesAsTransformers() {
    for (JsonNode golden : GOLDEN.document().get("cases")) {
      String name = golden.get("name").asText();
      if (name.startsWith("hf")) {
        ImagePreprocessing preprocessing =
            ImagePreprocessing.transformers(
                node(golden.get("settings")), golden.get("size").asInt());
        assertIsWithin(1.01 / 255 / 0.25, preprocessing, name);
      }
    }
  }

  private static void assertIsWithin(double tolerance, ImagePreprocessing how, String name) {
    try (Scope scope = Scope.open()) {
      Tensor expected = GOLDEN.tensor(name);
      Tensor prepared = how.apply(List.of(PICTURE));
      assertThat(prepared.select(0, 0)).isWithin(tolerance).of(expected);
    }
  }

  @Test
  void normalizesWhatHasTheRightSize() {
    try (Scope scope = Scope.open()) {
      ImagePreprocessing how = ImagePreprocessing.openAi(37);
      Tensor inRange = Tensor.of(floats(PICTURE.crop(0, 0, 37, 37)), 1, 3, 37, 37);
      Tensor leaf = inRange.requiresGrad(true);
      Tensor normalized = how.normalize(leaf);
      assertThat(normalized.detach())
          .isWithin(1e-5)
          .of(how.apply(List.of(PICTURE.crop(0, 0, 37, 37))));
      Tensor gradient = Autograd.gradient(normalized.sum(), leaf);
      assertThat(gradient.toFloats()[0]).isWithin(1e-5f).of(1 / 0.26862954f);
    }
  }

  private static float[] floats(Pixels pixels) {
    float[] floats = new float[pixels.values().length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (pixels.values()[i] & 0xff) / 255f;
    }
    return floats;
  }

  @Test
  void refusesSettingsItCannotFollow() throws JsonProcessingException {
    assertThat(refusal("{\"resample\": 1}")).contains("resample must be 2 (bilinear) or 3");
    assertThat(refusal("{\"crop_size\": 32}")).contains("of 32 pixels, but the model reads 24");
    assertThat(refusal("{\"size\": 12}")).contains("12 pixels cannot be cut to 24");
    assertThat(refusal("{\"image_std\": [1, 2]}")).contains("image_std must be three numbers");
    JsonObject longest = node("{\"resize_mode\": \"longest\"}");
    assertThat(assertThrows(SfumatoException.class, () -> ImagePreprocessing.openClip(longest, 24)))
        .hasMessageThat()
        .contains("resize_mode 'longest' is not supported");
  }

  private static String refusal(String json) throws JsonProcessingException {
    JsonObject settings = node(json);
    return assertThrows(SfumatoException.class, () -> ImagePreprocessing.transformers(settings, 24))
        .getMessage();
  }

  private static JsonObject node(String json) throws JsonProcessingException {
    return node(new ObjectMapper().readTree(json));
  }

  private static JsonObject node(JsonNode json) {
    Map<String, Object> values =
        new ObjectMapper().convertValue(json, new TypeReference<Map<String, Object>>() {});
    return JsonObject.of("settings: ", values).withoutNulls();
  }
}
