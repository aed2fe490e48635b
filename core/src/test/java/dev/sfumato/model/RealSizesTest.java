package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The published models, by the number of their weights. Nothing is written to the weights, so the
 * system gives no memory for them.
 */
class RealSizesTest {
  private static final Map<String, Object> ONE =
      Map.of("sample_size", 64, "cross_attention_dim", 768, "attention_head_dim", 8);
  private static final Map<String, Object> TWO =
      Map.of(
          "sample_size",
          96,
          "cross_attention_dim",
          1024,
          "attention_head_dim",
          List.of(5, 10, 20, 20),
          "use_linear_projection",
          true);
  private static final Map<String, Object> XL =
      Map.of(
          "block_out_channels",
          List.of(320, 640, 1280),
          "down_block_types",
          down("DCC"),
          "up_block_types",
          up("CCD"),
          "transformer_layers_per_block",
          List.of(1, 2, 10),
          "attention_head_dim",
          List.of(5, 10, 20),
          "cross_attention_dim",
          2048,
          "use_linear_projection",
          true,
          "addition_embed_type",
          "text_time",
          "addition_time_embed_dim",
          256,
          "projection_class_embeddings_input_dim",
          2816);
  private static final Map<String, Object> REFINER =
      with(
          XL,
          Map.of(
              "block_out_channels", List.of(384, 768, 1536, 1536),
              "down_block_types", down("DCCD"),
              "up_block_types", up("DCCD"),
              "transformer_layers_per_block", 4,
              "attention_head_dim", List.of(6, 12, 24, 24),
              "cross_attention_dim", 1280,
              "projection_class_embeddings_input_dim", 2560));

  static Stream<Arguments> unets() {
    return Stream.of(
        Arguments.of("Stable Diffusion 1.5", ONE, 859_520_964L),
        Arguments.of("Stable Diffusion 2.1", TWO, 865_910_724L),
        Arguments.of("Stable Diffusion XL", XL, 2_567_463_684L),
        Arguments.of("its refiner", REFINER, 2_259_500_000L));
  }

  @ParameterizedTest
  @MethodSource("unets")
  void unetHasTheWeightsOfThePublishedModel(
      String name, Map<String, Object> config, long published) {
    assertThat(millions(new UNet2DConditionModel(UNet2DConditionConfig.of(config))))
        .isEqualTo(millions(published));
  }

  @org.junit.jupiter.api.Test
  void autoencoderHasTheWeightsOfThePublishedModel() {
    AutoencoderKLConfig config =
        AutoencoderKLConfig.of(
            Map.of(
                "block_out_channels", List.of(128, 256, 512, 512),
                "layers_per_block", 2,
                "down_block_types",
                    List.of(
                        "DownEncoderBlock2D",
                        "DownEncoderBlock2D",
                        "DownEncoderBlock2D",
                        "DownEncoderBlock2D"),
                "up_block_types",
                    List.of(
                        "UpDecoderBlock2D",
                        "UpDecoderBlock2D",
                        "UpDecoderBlock2D",
                        "UpDecoderBlock2D")));
    assertThat(millions(new AutoencoderKL(config))).isEqualTo("83.7");
  }

  @org.junit.jupiter.api.Test
  void smallAutoencoderHasTheWeightsOfThePublishedModel() {
    assertThat(millions(new AutoencoderTiny(AutoencoderTinyConfig.of(Map.of())))).isEqualTo("2.4");
  }

  private static String millions(Module model) {
    try (model) {
      return millions(model.parameters().values().stream().mapToLong(Tensor::numel).sum());
    }
  }

  private static String millions(long weights) {
    return String.format(java.util.Locale.ROOT, "%.1f", weights / 1e6);
  }

  private static List<String> down(String levels) {
    return levels.chars().mapToObj(c -> c == 'C' ? "CrossAttnDownBlock2D" : "DownBlock2D").toList();
  }

  private static List<String> up(String levels) {
    return levels.chars().mapToObj(c -> c == 'C' ? "CrossAttnUpBlock2D" : "UpBlock2D").toList();
  }

  private static Map<String, Object> with(Map<String, Object> base, Map<String, Object> other) {
    Map<String, Object> all = new HashMap<>(base);
    all.putAll(other);
    return all;
  }
}
