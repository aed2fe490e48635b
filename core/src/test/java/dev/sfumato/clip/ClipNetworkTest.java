package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ClipNetworkTest {
  @TempDir private Path folder;

  private static List<String> names() {
    return ClipGolden.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void computesThePythonFeatures(String name) throws IOException {
    long before = Scope.liveTensors();
    JsonNode golden = ClipGolden.of(name);
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(ClipGolden.write(golden, folder))) {
      Tensor expected = tensor(name, "image_features");
      Tensor images =
          ClipGolden.images(golden, expected.size(0), clip.imageSize()).requiresGrad(true);
      Tensor features = clip.network().encodeImage(images);
      assertThat(features).isWithin(1e-5).of(expected);
      Tensor texts = clip.network().encodeText(tensor(name, "ids"));
      assertThat(texts).isWithin(1e-5).of(tensor(name, "text_features"));
      assertThat(texts.requiresGrad()).isFalse();
      assertThat(clip.encodeImage(images)).isWithin(1e-5).of(Functional.normalize(expected));
      if (ClipGolden.NETWORKS.tensors().names().contains(name + ".gradient")) {
        Tensor weights = Tensor.linspace(-1, 1, features.numel()).reshape(features.shape());
        assertThat(Autograd.gradient(features.mul(weights).sum(), images))
            .isWithin(1e-5)
            .of(tensor(name, "gradient"));
      }
      assertThat(clip.network().trainable()).isEmpty();
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static Tensor tensor(String name, String what) {
    return ClipGolden.NETWORKS.tensor(name + "." + what);
  }

  @Test
  void showsTheTokensOfBlocks() throws IOException {
    assertShowsLayers("gelu", 1, List.of(1, -2));
  }

  @Test
  void showsTheFeaturesOfStages() throws IOException {
    assertShowsLayers("resnet", 1, List.of(-1, 0));
  }

  /** Layers {@code layers} are the golden's second and first. */
  private void assertShowsLayers(String name, int count, List<Integer> layers) throws IOException {
    long before = Scope.liveTensors();
    JsonNode golden = ClipGolden.of(name);
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(ClipGolden.write(golden, folder))) {
      Tensor images = ClipGolden.images(golden, count, clip.imageSize());
      List<Tensor> shown = clip.network().imageLayers(images, layers);
      assertThat(shown).hasSize(2);
      assertThat(shown.get(0)).isWithin(1e-5).of(tensor(name, "layer1"));
      assertThat(shown.get(1)).isWithin(1e-5).of(tensor(name, "layer0"));
      assertThat(refusal(() -> clip.network().imageLayers(images, List.of(17))))
          .startsWith("layer 17 does not exist: the image encoder has ");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void refusesPicturesOfAnotherSize() throws IOException {
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(ClipGolden.write(ClipGolden.of("gelu"), folder))) {
      assertThat(refusal(() -> clip.encodeImage(Tensor.zeros(2, 3, 16, 17))))
          .isEqualTo("this CLIP model reads pictures (B, 3, 16, 16), not [2, 3, 16, 17]");
    }
  }

  private static String refusal(Runnable call) {
    return assertThrows(SfumatoException.class, call::run).getMessage();
  }
}
