package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.nn.Activation;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The text encoder of a CLIP model as a part of a Stable Diffusion model. */
class ClipTextEncoderTest {
  private static final List<String> TEXTS = List.of("a red rose", "", "two cats on a mat");

  @Test
  void itsTokensAndVectorsAreThoseOfTheClipModel() {
    ClipTokenizer tokenizer = ClipTokenizer.small(100);
    ClipConfig.Transformer blocks = new ClipConfig.Transformer(16, 2, 2, 24, Activation.GELU, 1e-5);
    ClipConfig config =
        new ClipConfig(
            8,
            new ClipConfig.Vit(8, 4, blocks, ClipConfig.ImagePool.MEAN, true, false),
            new ClipConfig.Text(12, tokenizer.size(), blocks, true, ClipConfig.TextPool.LARGEST));
    ClipNetwork network = new ClipNetwork(config);
    try (Scope scope = Scope.open();
        Rng random = new Rng(0);
        ClipModel clip =
            new ClipModel(
                (ClipNetwork) network.reset(random), tokenizer, ImagePreprocessing.openAi(8))) {
      ClipTextEncoder encoder = ClipTextEncoder.of(clip);
      try (ClipTextModel text = encoder.model()) {
        assertThat(text.projects()).isFalse();
        assertThat(text.trainable()).isEmpty();
        assertThat(encoder.tokenizer().longest()).isEqualTo(12);
        assertThat(encoder.config()).containsEntry("hidden_size", 16);
        Tensor ids = encoder.tokenizer().encode(TEXTS, 12);
        assertThat(ids.toLongs()).isEqualTo(tokenizer.encode(TEXTS, 12).toLongs());
        List<Tensor> states = text.hiddenStates(ids);
        Tensor pooled = text.pooled(text.normed(states.get(2)), ids);
        assertThat(network.text().projected(pooled)).isWithin(1e-6).of(network.encodeText(ids));
      }
    }
  }
}
